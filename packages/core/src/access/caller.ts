import type { Bounds, Mode, Role, TokenKind } from "@org/scheduler-contract";

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
  /** What the user is in this workspace; null for all other kinds. */
  readonly role: Role | null;
  /** The toolsets and operations that the token is for; null for all. */
  readonly scopes: readonly string[] | null;
  readonly bounds: Bounds | null;
  /** Of a token; a JWT is too short-lived to matter. */
  readonly expiresAt: Date | null;
  /** Which version of the workspace's policy there was when the token was resolved; 0 for none. */
  readonly policyVersion: number;
}

/** A caller in a few words, for `created_by` and the audit. */
export function describeCaller(caller: Caller): string {
  return caller.agent === null ? `${caller.kind}:${caller.name}` : `agent:${caller.agent}`;
}
