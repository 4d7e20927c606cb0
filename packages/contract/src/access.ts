import type { Role } from "./schemas/user.ts";
import type { TokenKind } from "./schemas/token.ts";

/** The callers who may use an operation: only those of some kinds, since it is about what the others may not manage. */
interface KindsOnly {
  readonly kinds: readonly TokenKind[];
  /** What these kinds alone manage, in the plural. */
  readonly manages: string;
  /** Of users, only those who have one of these roles. All but `member` unless told, and `member` too where it reads. */
  readonly roles?: readonly Role[];
}

/**
 * Who may use an operation. Its risk says the rest: a read-only caller, and a user whose role is `member`, may only use
 * what is of risk `read`.
 *
 * - `public` needs no token: how a caller gets one.
 * - `any_caller` needs a token, whatever its kind.
 */
export type Access = "public" | "any_caller" | KindsOnly;
