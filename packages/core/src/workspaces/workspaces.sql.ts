import { sql } from "kysely";
import type { Tx } from "../database/tables.ts";

export interface Admin {
  userId: string;
  liveScopeId: number;
}

/** One process at a time sets up the first workspace; the lock ends with the transaction. */
export async function lockBootstrap(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('scheduler bootstrap'))`.execute(tx);
}

export async function findFirstAdmin(tx: Tx): Promise<Admin | undefined> {
  return tx
    .selectFrom("users")
    .innerJoin("scopes", "scopes.workspace_id", "users.workspace_id")
    .where("scopes.mode", "=", "live")
    .select(["users.id as userId", "scopes.id as liveScopeId"])
    .orderBy("users.id")
    .limit(1)
    .executeTakeFirst();
}

export async function createWorkspace(
  tx: Tx,
  first: { workspaceId: string; userId: string; email: string; passwordHash: string },
): Promise<Admin> {
  await tx.insertInto("workspaces").values({ id: first.workspaceId, name: "default" }).execute();
  const scopes = await tx
    .insertInto("scopes")
    .values([
      { workspace_id: first.workspaceId, mode: "live" },
      { workspace_id: first.workspaceId, mode: "test" },
    ])
    .returning(["id", "mode"])
    .execute();
  await tx
    .insertInto("users")
    .values({
      id: first.userId,
      workspace_id: first.workspaceId,
      email: first.email,
      password_hash: first.passwordHash,
    })
    .execute();
  return { userId: first.userId, liveScopeId: scopes.find(({ mode }) => mode === "live")!.id };
}

export async function knowsToken(tx: Tx, hash: Buffer): Promise<boolean> {
  return (
    (await tx.selectFrom("tokens").select("id").where("hash", "=", hash).executeTakeFirst()) !== undefined
  );
}

export async function insertFirstToken(
  tx: Tx,
  token: { id: string; userId: string; scopeId: number; hash: Buffer; prefix: string },
): Promise<void> {
  await tx
    .insertInto("tokens")
    .values({
      id: token.id,
      scope_id: token.scopeId,
      user_id: token.userId,
      kind: "user",
      name: "bootstrap",
      read_only: false,
      prefix: token.prefix,
      hash: token.hash,
      created_by: "system:bootstrap",
    })
    .execute();
}
