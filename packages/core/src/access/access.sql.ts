import { type Selectable, sql } from "kysely";
import type { Mode, Role } from "@org/scheduler-contract";
import type { Db, Tokens, Tx } from "../database/tables.ts";

type TokenRow = Selectable<Tokens> & { mode: Mode; workspace_id: string };

/** What a token's use needs to know beside its row. */
export interface UsedToken extends TokenRow {
  expired: boolean;
  /** The value that was given is the one from before a rotation. */
  isPrevious: boolean;
  /** Of its user; null where there is none any more. */
  role: Role | null;
  policy_version: number;
}

function tokens(db: Db | Tx) {
  return db
    .selectFrom("tokens")
    .innerJoin("scopes", "scopes.id", "tokens.scope_id")
    .selectAll("tokens")
    .select(["scopes.mode", "scopes.workspace_id"]);
}

/**
 * The token with this hash, revoked and expired ones too. The use of a valid one is recorded; once a minute is enough, a
 * write per request is not.
 */
export async function useToken(db: Db, hash: Buffer, at: Date | null): Promise<UsedToken | undefined> {
  const now = sql<Date>`coalesce(${at}::timestamptz, now())`;
  const stale = sql<boolean>`coalesce(last_used_at < ${now} - interval '1 minute', true)`;
  const row = await tokens(db)
    .leftJoin("members", (join) =>
      join
        .onRef("members.workspace_id", "=", "scopes.workspace_id")
        .onRef("members.user_id", "=", "tokens.user_id"),
    )
    .innerJoin("workspaces", "workspaces.id", "scopes.workspace_id")
    .select([
      "members.role",
      "workspaces.policy_version",
      stale.as("stale"),
      sql<boolean>`coalesce(expires_at <= ${now}, false)`.as("expired"),
      sql<boolean>`hash <> ${hash}`.as("isPrevious"),
    ])
    .where((eb) =>
      eb.or([
        eb("hash", "=", hash),
        eb.and([eb("previous_hash", "=", hash), eb("previous_until", ">", now)]),
      ]),
    )
    .executeTakeFirst();
  if (row?.stale && !row.expired && row.revoked_at === null) {
    const use = db.updateTable("tokens").set({ last_used_at: now }).where("id", "=", row.id);
    await use.where(stale).execute();
  }
  return row;
}

export interface UserRow {
  id: string;
  email: string;
  password_hash: string;
  /** JWTs of before are refused. */
  logged_out_at: Date;
}

export function findUser(db: Db | Tx, by: { email: string } | { id: string }): Promise<UserRow | undefined> {
  const users = db.selectFrom("users").select(["id", "email", "password_hash", "logged_out_at"]);
  const query = "email" in by ? users.where("email", "=", by.email) : users.where("id", "=", by.id);
  return query.executeTakeFirst();
}

export interface Membership {
  workspaceId: string;
  workspaceName: string;
  policyVersion: number;
  role: Role;
}

/** What a user is in a workspace; in the first that the user came to, where none is named. */
export function findMembership(
  db: Db | Tx,
  userId: string,
  workspaceId?: string,
): Promise<Membership | undefined> {
  return db
    .selectFrom("members")
    .innerJoin("workspaces", "workspaces.id", "members.workspace_id")
    .select([
      "members.workspace_id as workspaceId",
      "workspaces.name as workspaceName",
      "workspaces.policy_version as policyVersion",
      "members.role as role",
    ])
    .where("members.user_id", "=", userId)
    .$if(workspaceId !== undefined, (query) => query.where("members.workspace_id", "=", workspaceId!))
    .orderBy("members.created_at")
    .orderBy("members.workspace_id")
    .limit(1)
    .executeTakeFirst();
}

export async function updatePassword(db: Db, userId: string, hash: string): Promise<void> {
  await db.updateTable("users").set({ password_hash: hash }).where("id", "=", userId).execute();
}

/** Refuses every JWT that a user has been given so far. */
export async function logOut(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.updateTable("users").set({ logged_out_at: now }).where("id", "=", userId).execute();
}

export async function workspaceName(db: Db, id: string): Promise<string> {
  const row = await db.selectFrom("workspaces").select("name").where("id", "=", id).executeTakeFirstOrThrow();
  return row.name;
}

export async function scopeOf(db: Db | Tx, workspaceId: string, mode: Mode): Promise<number> {
  const row = await db
    .selectFrom("scopes")
    .select("id")
    .where("workspace_id", "=", workspaceId)
    .where("mode", "=", mode)
    .executeTakeFirstOrThrow();
  return row.id;
}
