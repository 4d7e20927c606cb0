import { sql } from "kysely";
import type { Role } from "@org/scheduler-contract";
import type { Db, Tx } from "../database/tables.ts";

export interface Admin {
  userId: string;
  liveScopeId: number;
}

/** One process at a time sets up the first workspace; the lock ends with the transaction. */
export async function lockBootstrap(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('scheduler bootstrap'))`.execute(tx);
}

export async function findFirstOwner(tx: Tx): Promise<Admin | undefined> {
  return tx
    .selectFrom("members")
    .innerJoin("scopes", "scopes.workspace_id", "members.workspace_id")
    .where("scopes.mode", "=", "live")
    .select(["members.user_id as userId", "scopes.id as liveScopeId"])
    .orderBy("members.user_id")
    .limit(1)
    .executeTakeFirst();
}

/** A workspace with both its halves. Answers the live one. */
export async function insertWorkspace(
  tx: Tx,
  workspace: { id: string; name: string; madeIn: string | null; at: Date },
): Promise<number> {
  const { id, name, madeIn, at } = workspace;
  await tx.insertInto("workspaces").values({ id, name, made_in: madeIn, created_at: at }).execute();
  const scopes = await tx
    .insertInto("scopes")
    .values([
      { workspace_id: id, mode: "live" },
      { workspace_id: id, mode: "test" },
    ])
    .returning(["id", "mode"])
    .execute();
  return scopes.find(({ mode }) => mode === "live")!.id;
}

export async function insertUser(
  tx: Tx,
  user: { id: string; email: string; passwordHash: string; at: Date },
): Promise<void> {
  const { id, email, passwordHash, at } = user;
  await tx.insertInto("users").values({ id, email, password_hash: passwordHash, created_at: at }).execute();
}

export async function insertMember(
  tx: Tx,
  member: { workspaceId: string; userId: string; role: Role; at: Date },
): Promise<void> {
  const { workspaceId, userId, role, at } = member;
  await tx
    .insertInto("members")
    .values({ workspace_id: workspaceId, user_id: userId, role, created_at: at })
    .execute();
}

/** The first workspace and its owner. */
export async function createWorkspace(
  tx: Tx,
  first: { workspaceId: string; userId: string; email: string; passwordHash: string; at: Date },
): Promise<Admin> {
  const { workspaceId, userId, email, passwordHash, at } = first;
  const liveScopeId = await insertWorkspace(tx, { id: workspaceId, name: "default", madeIn: null, at });
  await insertUser(tx, { id: userId, email, passwordHash, at });
  await insertMember(tx, { workspaceId, userId, role: "owner", at });
  return { userId, liveScopeId };
}

export interface UserRow {
  id: string;
  email: string;
  role: Role;
  created_at: Date;
}

export interface WorkspaceRow {
  id: string;
  name: string;
  role: Role | null;
  created_at: Date;
}

interface Page {
  before: string | undefined;
  limit: number;
}

function members(db: Db | Tx, workspaceId: string) {
  return db
    .selectFrom("members")
    .innerJoin("users", "users.id", "members.user_id")
    .select(["users.id", "users.email", "members.role", "members.created_at"])
    .where("members.workspace_id", "=", workspaceId);
}

export function listMembers(db: Db, workspaceId: string, { before, limit }: Page): Promise<UserRow[]> {
  return members(db, workspaceId)
    .$if(before !== undefined, (query) => query.where("users.id", "<", before!))
    .orderBy("users.id", "desc")
    .limit(limit + 1)
    .execute();
}

export function findMember(tx: Tx, workspaceId: string, userId: string): Promise<UserRow | undefined> {
  return members(tx, workspaceId).where("users.id", "=", userId).executeTakeFirst();
}

/** Two who take an owner's role away wait for each other, so that one owner stays. */
export async function lockMembers(tx: Tx, workspaceId: string): Promise<void> {
  await tx.selectFrom("workspaces").select("id").where("id", "=", workspaceId).forUpdate().execute();
}

export async function hasOtherOwner(tx: Tx, workspaceId: string, userId: string): Promise<boolean> {
  const query = members(tx, workspaceId).where("members.role", "=", "owner").where("users.id", "<>", userId);
  return (await query.limit(1).executeTakeFirst()) !== undefined;
}

export async function updateRole(tx: Tx, workspaceId: string, userId: string, role: Role): Promise<void> {
  await tx
    .updateTable("members")
    .set({ role })
    .where("workspace_id", "=", workspaceId)
    .where("user_id", "=", userId)
    .execute();
}

export async function deleteMember(tx: Tx, workspaceId: string, userId: string): Promise<void> {
  await tx
    .deleteFrom("members")
    .where("workspace_id", "=", workspaceId)
    .where("user_id", "=", userId)
    .execute();
}

/** Gives the agents of a user to another one, and takes the user off those that were shared. Answers how many were given. */
export async function giveAgents(
  tx: Tx,
  workspaceId: string,
  { from, to }: { from: string; to: string | null },
): Promise<number> {
  const ofWorkspace = sql<boolean>`scope_id in (select id from scopes where workspace_id = ${workspaceId}::uuid)`;
  const given = await tx
    .updateTable("agents")
    .set({ owner_id: to })
    .where(ofWorkspace)
    .where("owner_id", "=", from)
    .executeTakeFirstOrThrow();
  await tx
    .updateTable("agents")
    .set({ shared_with: sql`array_remove(shared_with, ${from}::uuid)` })
    .where(ofWorkspace)
    .where(sql<boolean>`${from}::uuid = any(shared_with)`)
    .execute();
  return Number(given.numUpdatedRows);
}

/** The workspaces that a user is in, newest first. */
export function listWorkspacesOf(db: Db, userId: string, { before, limit }: Page): Promise<WorkspaceRow[]> {
  return db
    .selectFrom("members")
    .innerJoin("workspaces", "workspaces.id", "members.workspace_id")
    .select(["workspaces.id", "workspaces.name", "members.role", "workspaces.created_at"])
    .where("members.user_id", "=", userId)
    .$if(before !== undefined, (query) => query.where("workspaces.id", "<", before!))
    .orderBy("workspaces.id", "desc")
    .limit(limit + 1)
    .execute();
}

export function findWorkspace(db: Db | Tx, id: string) {
  return db
    .selectFrom("workspaces")
    .select(["id", "name", "made_in", "created_at"])
    .where("id", "=", id)
    .executeTakeFirst();
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
