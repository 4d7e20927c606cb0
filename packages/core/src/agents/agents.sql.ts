import { type Insertable, type Selectable, sql, type SqlBool, type Updateable } from "kysely";
import type { Caller } from "../access/caller.ts";
import type { Action } from "../access/matrix.ts";
import { isRelatedTo } from "../access/reach.sql.ts";
import type { Agents, Db, Tx } from "../database/tables.ts";

export type AgentRow = Selectable<Agents>;
/** An agent with the people and agents around it, by their names. */
export type ListedAgent = AgentRow & { owner: string | null; shared: string[]; permissions: string[] };

function agents(db: Db | Tx, caller: Caller, action: Action) {
  return db
    .selectFrom("agents")
    .selectAll("agents")
    .where("agents.scope_id", "=", caller.scopeId)
    .where(isRelatedTo(caller, action, sql.ref("agents.name")));
}

function listed(db: Db | Tx, caller: Caller, action: Action) {
  return agents(db, caller, action).select([
    sql<string | null>`(select email from users where id = agents.owner_id)`.as("owner"),
    sql<string[]>`array(select email from users where id = any(agents.shared_with) order by email)`.as(
      "shared",
    ),
    sql<string[]>`array(select p.other from agent_permissions p
      where p.scope_id = agents.scope_id and p.agent = agents.name order by p.other)`.as("permissions"),
  ]);
}

/** The agents of which a caller may list the schedules, newest first, with one more than `limit` where there are more. */
export function listAgents(
  db: Db,
  caller: Caller,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<ListedAgent[]> {
  return listed(db, caller, "list")
    .$if(before !== undefined, (query) => query.where("agents.id", "<", before!))
    .orderBy("agents.id", "desc")
    .limit(limit + 1)
    .execute();
}

/** An agent with whose schedules a caller may do this. */
export function findAgent(
  db: Db | Tx,
  caller: Caller,
  { name, action }: { name: string; action: Action },
): Promise<ListedAgent | undefined> {
  return listed(db, caller, action).where("agents.name", "=", name).executeTakeFirst();
}

/** An agent as its changes left it, whoever may see it now. */
export function readAgent(tx: Tx, caller: Caller, name: string): Promise<ListedAgent> {
  return listed(tx, { ...caller, kind: "system" }, "get")
    .where("agents.name", "=", name)
    .executeTakeFirstOrThrow();
}

/** Agents with whose schedules a caller may do this; nobody changes or deletes them until the transaction ends. */
export async function shareAgents(
  tx: Tx,
  caller: Caller,
  { names, action }: { names: string[]; action: Action },
): Promise<Map<string, AgentRow>> {
  if (names.length === 0) return new Map();
  const rows = await agents(tx, caller, action)
    .where(sql<SqlBool>`agents.name = any(${names}::text[])`)
    .orderBy("agents.name")
    .forShare("agents")
    .execute();
  return new Map(rows.map((row) => [row.name, row]));
}

/** An agent that a caller owns, for changing it. */
export function lockAgent(tx: Tx, caller: Caller, name: string): Promise<AgentRow | undefined> {
  return agents(tx, caller, "update").where("agents.name", "=", name).forUpdate("agents").executeTakeFirst();
}

/** Answers whether the name was free. */
export async function insertAgent(tx: Tx, row: Insertable<Agents>): Promise<boolean> {
  const inserted = await tx
    .insertInto("agents")
    .values(row)
    .onConflict((conflict) => conflict.columns(["scope_id", "name"]).doNothing())
    .executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n;
}

export async function updateAgent(
  tx: Tx,
  { scope_id, name }: AgentRow,
  change: Updateable<Agents>,
): Promise<void> {
  await tx
    .updateTable("agents")
    .set(change)
    .where("scope_id", "=", scope_id)
    .where("name", "=", name)
    .execute();
}

/** With its permissions. */
export async function deleteAgent(tx: Tx, { scope_id, name }: AgentRow): Promise<void> {
  await tx.deleteFrom("agents").where("scope_id", "=", scope_id).where("name", "=", name).execute();
}

export async function permit(
  tx: Tx,
  permission: { scope_id: number; agent: string; other: string; created_by: string; created_at: Date },
): Promise<void> {
  await tx
    .insertInto("agent_permissions")
    .values(permission)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Answers whether there was such a permission. */
export async function forbid(
  tx: Tx,
  { scope_id, agent, other }: { scope_id: number; agent: string; other: string },
): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom("agent_permissions")
    .where("scope_id", "=", scope_id)
    .where("agent", "=", agent)
    .where("other", "=", other)
    .executeTakeFirstOrThrow();
  return numDeletedRows === 1n;
}

/** Revokes the keys of an agent. Answers how many. */
export async function revokeKeysOf(tx: Tx, { scope_id, name }: AgentRow, now: Date): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable("tokens")
    .set({ revoked_at: now })
    .where("scope_id", "=", scope_id)
    .where("agent", "=", name)
    .where("revoked_at", "is", null)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Whether there are keys of an agent of this name that somebody else made. */
export async function hasKeysOfOthers(
  tx: Tx,
  { scope_id, name, userId }: { scope_id: number; name: string; userId: string | null },
): Promise<boolean> {
  const key = await tx
    .selectFrom("tokens")
    .select("id")
    .where("scope_id", "=", scope_id)
    .where("agent", "=", name)
    .where("revoked_at", "is", null)
    .where(sql<SqlBool>`made_by_user is distinct from ${userId}::uuid`)
    .limit(1)
    .executeTakeFirst();
  return key !== undefined;
}

/** The users of a workspace, by their emails. */
export async function findUsersByEmail(
  tx: Tx,
  workspaceId: string,
  emails: string[],
): Promise<Map<string, string>> {
  const rows = await tx
    .selectFrom("users")
    .innerJoin("members", "members.user_id", "users.id")
    .select(["users.id", "users.email"])
    .where("members.workspace_id", "=", workspaceId)
    .where(sql<SqlBool>`users.email = any(${emails}::text[])`)
    .execute();
  return new Map(rows.map(({ id, email }) => [email, id]));
}

/** Whether there is an agent of this name, whoever may see it. */
export async function knowsAgent(tx: Tx, scopeId: number, name: string): Promise<boolean> {
  const query = tx.selectFrom("agents").select("id").where("scope_id", "=", scopeId).where("name", "=", name);
  return (await query.executeTakeFirst()) !== undefined;
}
