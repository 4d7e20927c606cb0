import type { Mode, TokenKind } from "@org/scheduler-contract";

/** Who is asking: resolved from a token once, then passed on. */
export interface Caller {
  readonly kind: TokenKind;
  readonly name: string;
  /** The half of the workspace that this caller sees. */
  readonly scopeId: number;
  readonly workspaceId: string;
  readonly mode: Mode;
  readonly readOnly: boolean;
  /** Null for a JWT. */
  readonly tokenId: string | null;
  readonly userId: string | null;
  readonly agent: string | null;
}

/** A caller in a few words, for `created_by` and the audit. */
export function describeCaller(caller: Caller): string {
  return caller.agent === null ? `${caller.kind}:${caller.name}` : `agent:${caller.agent}`;
}
