import { type Selectable, sql, type Updateable } from "kysely";
import { newId } from "../ids.ts";
import type { Db, Queues, Tx } from "../database/tables.ts";

/** A queue and how it stands. */
export type QueueRow = Selectable<Queues> & { waiting: number; running: number };
export type QueueChange = Omit<Updateable<Queues>, "scope_id" | "name" | "id">;

const mostCounted = 10_000;

function queues(db: Db | Tx, scopeId: number) {
  return db
    .selectFrom("queues")
    .where("scope_id", "=", scopeId)
    .selectAll()
    .select([
      sql<number>`(select count(*)::integer from (
        select 1 from executions e
        where e.scope_id = queues.scope_id and e.queue = queues.name and e.line_at is not null limit ${mostCounted}
      ) w)`.as("waiting"),
      sql<number>`(select count(*)::integer from (
        select 1 from open_executions o
        where o.scope_id = queues.scope_id and o.counts_in = queues.name limit ${mostCounted}
      ) r)`.as("running"),
    ]);
}

/** One page of queues, newest first, with one row more than asked where there is a next page. */
export function listQueues(
  db: Db,
  scopeId: number,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<QueueRow[]> {
  const query = queues(db, scopeId)
    .orderBy("id", "desc")
    .limit(limit + 1);
  return (before === undefined ? query : query.where("id", "<", before)).execute();
}

export function findQueue(db: Db | Tx, scopeId: number, name: string): Promise<QueueRow | undefined> {
  return queues(db, scopeId).where("name", "=", name).executeTakeFirst();
}

/** Makes queues on their first use, in the order of their names, so that no two callers wait for each other. */
export async function addQueues(
  { tx, caller: { scopeId }, now }: { tx: Tx; caller: { scopeId: number }; now: Date },
  names: string[],
): Promise<void> {
  const rows = [...new Set(names)]
    .toSorted()
    .map((name) => ({ scope_id: scopeId, id: newId(now), name, created_at: now, updated_at: now }));
  await tx
    .insertInto("queues")
    .values(rows)
    .onConflict((conflict) => conflict.columns(["scope_id", "name"]).doNothing())
    .execute();
}

/** Keeps everybody else, the workers that look into its line included, from the queue until the transaction ends. */
export async function lockQueue(
  tx: Tx,
  scopeId: number,
  name: string,
): Promise<Selectable<Queues> | undefined> {
  return tx
    .selectFrom("queues")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .where("name", "=", name)
    .forUpdate()
    .executeTakeFirst();
}

export async function changeQueue(tx: Tx, scopeId: number, name: string, change: QueueChange): Promise<void> {
  await tx
    .updateTable("queues")
    .set(change)
    .where("scope_id", "=", scopeId)
    .where("name", "=", name)
    .execute();
}

/** Makes what runs in a queue count: as long as it had no limit, nobody did. The rest of a backlog is counted later. */
export async function countRunning(tx: Tx, scopeId: number, name: string): Promise<void> {
  // One that is locked is just coming to its end.
  await sql`
    with newest as (
      select id from open_executions
      where scope_id = ${scopeId} and counts_in is null order by id desc limit ${mostCounted}
    ), running as (
      select id from executions
      where id = any(array(select id from newest)) and queue = ${name} and status = 'running'
    ), open as (
      select id from open_executions where id = any(array(select id from running)) for update skip locked
    )
    update open_executions set counts_in = ${name} where id = any(array(select id from open))`.execute(tx);
}
