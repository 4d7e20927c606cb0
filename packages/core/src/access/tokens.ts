import { createHash, randomBytes } from "node:crypto";
import type { Mode, TokenKind } from "@org/scheduler-contract";

/** A new token and what is kept of it: its hash, and the first characters so that people recognise it. */
export interface NewToken {
  token: string;
  hash: Buffer;
  prefix: string;
}

/** The prefix says whose token it is; a service key's also says which half of the workspace it opens. */
function tokenPrefix(kind: TokenKind, mode: Mode): string {
  switch (kind) {
    case "user":
      return "cron_pat_";
    case "agent":
      return "cron_agt_";
    case "system":
      return "cron_sys_";
    case "service":
      return mode === "live" ? "sk_live_" : "sk_test_";
  }
}

export function generateToken(kind: TokenKind, mode: Mode): NewToken {
  return knownToken(tokenPrefix(kind, mode) + randomBytes(32).toString("base64url"));
}

/** What is kept of a token that somebody else made up. */
export function knownToken(token: string): NewToken {
  return { token, hash: hashToken(token), prefix: token.slice(0, 13) };
}

/** Tokens are long and random: a plain hash is enough, and can be looked up. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
