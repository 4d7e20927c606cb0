import { type Insertable, type Selectable, sql } from "kysely";
import type { Mode } from "@org/scheduler-contract";
import type { Db, Tokens, Tx } from "../database/tables.ts";

export type TokenRow = Selectable<Tokens> & { mode: Mode; workspace_id: string };

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
export async function useToken(
  db: Db,
  hash: Buffer,
  at: Date | null,
): Promise<(TokenRow & { expired: boolean }) | undefined> {
  const now = sql<Date>`coalesce(${at}::timestamptz, now())`;
  const stale = sql<boolean>`coalesce(last_used_at < ${now} - interval '1 minute', true)`;
  const row = await tokens(db)
    .select([stale.as("stale"), sql<boolean>`coalesce(expires_at <= ${now}, false)`.as("expired")])
    .where("hash", "=", hash)
    .executeTakeFirst();
  if (row?.stale && !row.expired && row.revoked_at === null) {
    const use = db.updateTable("tokens").set({ last_used_at: now }).where("id", "=", row.id);
    await use.where(stale).execute();
  }
  return row;
}

/** Tokens of a workspace in the given modes, newest first, with one row more than `limit` where there are more. */
export function listTokens(
  db: Db,
  owner: { workspaceId: string; modes: Mode[] },
  { before, limit }: { before: string | undefined; limit: number },
): Promise<TokenRow[]> {
  let query = tokens(db)
    .where("scopes.workspace_id", "=", owner.workspaceId)
    .where("scopes.mode", "in", owner.modes)
    .where("revoked_at", "is", null)
    .orderBy("tokens.id", "desc")
    .limit(limit + 1);
  if (before !== undefined) query = query.where("tokens.id", "<", before);
  return query.execute();
}

export async function insertToken(tx: Tx, row: Insertable<Tokens>): Promise<void> {
  await tx.insertInto("tokens").values(row).execute();
}

/** Revokes a token of the workspace. Answers false where there is none. */
export async function revokeToken(
  tx: Tx,
  token: { workspaceId: string; modes: Mode[]; id: string },
  now: Date,
): Promise<boolean> {
  const scopes = tx
    .selectFrom("scopes")
    .select("id")
    .where("workspace_id", "=", token.workspaceId)
    .where("mode", "in", token.modes);
  const { numUpdatedRows } = await tx
    .updateTable("tokens")
    .set({ revoked_at: now })
    .where("id", "=", token.id)
    .where("scope_id", "in", scopes)
    .where("revoked_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

export interface UserRow {
  id: string;
  email: string;
  password_hash: string;
  workspace_id: string;
  workspace_name: string;
  /** JWTs of before are refused. */
  logged_out_at: Date;
}

export function findUser(db: Db | Tx, by: { email: string } | { id: string }): Promise<UserRow | undefined> {
  const users = db
    .selectFrom("users")
    .innerJoin("workspaces", "workspaces.id", "users.workspace_id")
    .select([
      "users.id",
      "users.email",
      "users.password_hash",
      "users.workspace_id",
      "users.logged_out_at",
      "workspaces.name as workspace_name",
    ]);
  const query =
    "email" in by ? users.where("users.email", "=", by.email) : users.where("users.id", "=", by.id);
  return query.executeTakeFirst();
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
