import { sql } from "kysely";
import { statement } from "../database/statement.ts";
import type { Db, Tx } from "../database/tables.ts";

/** How many jobs of a key are not over, and how many executions they were given today (UTC). */
export interface Used {
  jobs: number;
  fires: number;
}

export async function usedBy(db: Db | Tx, tokenId: string, now: Date): Promise<Used> {
  const { rows } = await sql<Used>`
    select (
        select count(*)::integer from jobs j
        where j.token_id = t.id and j.state in ('draft', 'active', 'paused') and j.deleted_at is null
      ) as jobs,
      case when t.fires_on = (${now}::timestamptz at time zone 'UTC')::date then t.fires else 0 end as fires
    from tokens t where t.id = ${tokenId}::uuid`.execute(db);
  return rows[0] ?? { jobs: 0, fires: 0 };
}

/** A key that may have so many jobs, and how many more of them there are to be. */
export interface JobCount {
  tokenId: string;
  most: number;
  more: number;
}

const count = statement<{ token_id: string; more: number; most: number }, { id: string }>(
  "count_jobs_of_key",
  `update tokens set jobs_counted = jobs_counted + :more::integer
  where id = :token_id::uuid and jobs_counted + :more::integer <= :most::integer returning id`,
);

/** Counts jobs of a key, unless it would have too many. */
export async function countJobsOfKey(tx: Tx, { tokenId, most, more }: JobCount): Promise<boolean> {
  const rows = await count({ db: tx, now: null }, { token_id: tokenId, more, most });
  return rows.length === 1;
}

/**
 * Counts the jobs of a key anew, those of this transaction too: of jobs that end nobody tells it. Two who do so wait for
 * each other.
 */
export async function recountJobs(tx: Tx, tokenId: string): Promise<number> {
  await sql`select from tokens where id = ${tokenId}::uuid for no key update`.execute(tx);
  const { rows } = await sql<{ jobs: number }>`
    update tokens set jobs_counted = (
      select count(*)::integer from jobs j
      where j.token_id = ${tokenId}::uuid and j.state in ('draft', 'active', 'paused') and j.deleted_at is null
    ) where id = ${tokenId}::uuid returning jobs_counted as jobs`.execute(tx);
  return rows[0]!.jobs;
}

/** Counts an execution of a key, unless it may make no more of them today. */
export async function takeFire(
  tx: Tx,
  { tokenId, most }: { tokenId: string; most: number },
  now: Date,
): Promise<boolean> {
  const today = sql`(${now}::timestamptz at time zone 'UTC')::date`;
  const used = sql`(case when fires_on = ${today} then fires else 0 end)`;
  const { rows } = await sql`
    update tokens set fires_on = ${today}, fires = ${used} + 1
    where id = ${tokenId}::uuid and ${used} < ${most} returning id`.execute(tx);
  return rows.length === 1;
}

/** The jobs of a key that are not over, oldest first. */
export async function findJobsOfKey(tx: Tx, tokenId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from jobs
    where token_id = ${tokenId}::uuid and state in ('draft', 'active', 'paused') and deleted_at is null
    order by id`.execute(tx);
  return rows.map(({ id }) => id);
}
