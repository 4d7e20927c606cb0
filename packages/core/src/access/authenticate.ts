import { SchedulerError } from "@org/scheduler-contract";
import type { Db } from "../database/tables.ts";
import { findMembership, findUser, scopeOf, useToken } from "./access.sql.ts";
import type { Caller } from "./caller.ts";
import { verifyJwt } from "./jwt.ts";
import { hashToken } from "./tokens.ts";

interface Options {
  db: Db;
  /** Absent: JWTs are not accepted. */
  jwtSecret: Uint8Array | undefined;
  now: Date | null;
}

/** Longer than any token of ours; what is longer is not even hashed. */
const maxTokenLength = 2000;

/**
 * Resolves a token or JWT to its caller. Throws `unauthenticated`: whoever holds the whole token learns what became of it,
 * whoever guesses hears the same of every guess.
 */
export async function authenticate(token: string | undefined, options: Options): Promise<Caller> {
  if (token === undefined || token === "") {
    throw new SchedulerError("unauthenticated", "This needs a token.", {
      hint: "Send it as a header: Authorization: Bearer cron_pat_…",
    });
  }
  if (token.length > maxTokenLength) throw unknown();
  // A JWT has two dots, a token of ours has none.
  return token.includes(".") ? resolveJwt(token, options) : resolveToken(token, options);
}

async function resolveToken(token: string, { db, now }: Options): Promise<Caller> {
  const row = await useToken(db, hashToken(token), now);
  if (!row) throw unknown();
  if (row.revoked_at !== null) throw noLongerValid("was revoked");
  if (row.expired) throw noLongerValid(`expired at ${row.expires_at!.toISOString()}`);
  if (row.user_id !== null && row.role === null)
    throw noLongerValid("belongs to a user who left the workspace");
  return {
    kind: row.kind,
    name: row.name,
    scopeId: row.scope_id,
    workspaceId: row.workspace_id,
    mode: row.mode,
    readOnly: row.read_only,
    tokenId: row.id,
    userId: row.user_id,
    agent: row.agent,
    // A user's token of nobody is from before users had roles, when each of them could do all but own anything.
    role: row.kind === "user" ? (row.role ?? "admin") : null,
    scopes: row.scopes,
    bounds: row.bounds,
    expiresAt: row.expires_at,
    policyVersion: row.policy_version,
  };
}

async function resolveJwt(token: string, { db, jwtSecret, now }: Options): Promise<Caller> {
  const subject = jwtSecret && (await verifyJwt(jwtSecret, token, now ?? new Date()));
  const user = subject && (await findUser(db, { id: subject.userId }));
  if (!user) throw unknown();
  if (subject.issuedAt <= user.logged_out_at) throw noLongerValid("was revoked when its user logged out");
  if (subject.expired) throw noLongerValid(`expired at ${subject.expiresAt.toISOString()}`);
  const membership = await findMembership(db, user.id, subject.workspaceId);
  if (!membership) throw noLongerValid("belongs to a user who left the workspace");
  const { workspaceId, role, policyVersion } = membership;
  return {
    kind: "user",
    name: user.email,
    scopeId: await scopeOf(db, workspaceId, "live"),
    workspaceId,
    mode: "live",
    readOnly: false,
    tokenId: null,
    userId: user.id,
    agent: null,
    role,
    scopes: null,
    bounds: null,
    expiresAt: null,
    policyVersion,
  };
}

const another = "create a new one with POST /v1/tokens, or log in again with POST /v1/auth/login.";

function unknown(): SchedulerError {
  return new SchedulerError("unauthenticated", "This token is unknown.", {
    hint: `Check that it is whole and that this server made it; otherwise ${another}`,
  });
}

function noLongerValid(why: string): SchedulerError {
  return new SchedulerError("unauthenticated", `This token ${why}.`, {
    hint: `It cannot be used any more: ${another}`,
  });
}
