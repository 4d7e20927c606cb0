import { SchedulerError } from "@org/scheduler-contract";
import type { Db } from "../database/tables.ts";
import { findUser, scopeOf, useToken } from "./access.sql.ts";
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

/** Resolves a token or JWT to its caller. Throws `unauthenticated`, in the same words whatever is wrong with it. */
export async function authenticate(token: string | undefined, options: Options): Promise<Caller> {
  if (token === undefined || token === "") {
    throw new SchedulerError("unauthenticated", "This needs a token.", {
      hint: "Send it as a header: Authorization: Bearer cron_pat_…",
    });
  }
  const caller = token.length > maxTokenLength ? undefined : await resolve(token, options);
  if (caller) return caller;
  throw new SchedulerError("unauthenticated", "This token is unknown, expired or revoked.", {
    hint: "Create a new one with POST /v1/tokens, or log in again with POST /v1/auth/login.",
  });
}

async function resolve(token: string, { db, jwtSecret, now }: Options): Promise<Caller | undefined> {
  // A JWT has two dots, a token of ours has none.
  if (token.includes(".")) return jwtSecret && resolveJwt(token, { db, jwtSecret, now });
  const row = await useToken(db, hashToken(token), now);
  if (!row) return undefined;
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
  };
}

async function resolveJwt(
  token: string,
  { db, jwtSecret, now }: { db: Db; jwtSecret: Uint8Array; now: Date | null },
): Promise<Caller | undefined> {
  const subject = await verifyJwt(jwtSecret, token, now ?? new Date());
  const user = subject && (await findUser(db, { id: subject.userId }));
  if (!user || user.workspace_id !== subject.workspaceId) return undefined;
  if (subject.issuedAt <= user.logged_out_at) return undefined;
  return {
    kind: "user",
    name: user.email,
    scopeId: await scopeOf(db, user.workspace_id, "live"),
    workspaceId: user.workspace_id,
    mode: "live",
    readOnly: false,
    tokenId: null,
    userId: user.id,
    agent: null,
  };
}
