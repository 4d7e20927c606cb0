import { type Selectable, sql } from "kysely";
import type { DeletedKeys, Tx } from "../database/tables.ts";
import { findJobs, type JobRow } from "./jobs.sql.ts";

/** The jobs that have keys, by these; nobody else changes them until the transaction ends. */
export async function lockJobsByKey(tx: Tx, scopeId: number, keys: string[]): Promise<Map<string, JobRow>> {
  // In one order, so that two that lock several do not wait for each other.
  const { rows } = await sql<{ id: string }>`
    select id from jobs
    where scope_id = ${scopeId} and key = any(${keys}::text[]) and key is not null and deleted_at is null
    order by id for update`.execute(tx);
  if (rows.length === 0) return new Map();
  // A statement of its own, as in lockJob.
  const jobs = await findJobs(
    tx,
    { scopeId },
    rows.map(({ id }) => id),
  );
  return new Map(jobs.map((job) => [job.key!, job]));
}

export type Tombstone = Selectable<DeletedKeys>;

export async function findTombstones(
  tx: Tx,
  scopeId: number,
  keys: string[],
): Promise<Map<string, Tombstone>> {
  const { rows } = await sql<Tombstone>`
    select * from deleted_keys
    where scope_id = ${scopeId} and key = any(${keys}::text[])`.execute(tx);
  return new Map(rows.map((row) => [row.key, row]));
}

export async function insertTombstone(tx: Tx, { scope_id, key, ...rest }: Tombstone): Promise<void> {
  await tx
    .insertInto("deleted_keys")
    .values({ scope_id, key, ...rest })
    .onConflict((conflict) => conflict.columns(["scope_id", "key"]).doUpdateSet(rest))
    .execute();
}

/** Lets keys be used again: their tombstones go, and canceled jobs that have them lose them. */
export async function freeKeys(tx: Tx, scopeId: number, keys: string[]): Promise<void> {
  await sql`
    with freed as (
      update jobs set key = null
      where scope_id = ${scopeId} and key = any(${keys}::text[]) and key is not null and deleted_at is null
        and state = 'canceled'
    )
    delete from deleted_keys where scope_id = ${scopeId} and key = any(${keys}::text[])`.execute(tx);
}
