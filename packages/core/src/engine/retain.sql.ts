import { sql } from "kysely";
import type { Db } from "../database/tables.ts";

/** Where a walk through a table has come: what is kept on the way is not read again at every step. */
export interface Walked {
  /** Of the last row that was looked at; undefined at the end. */
  lastId: string | undefined;
}

/**
 * Looks at the next `limit` executions after `afterId` that are older than `cutoffId`, and deletes those that are over
 * with their attempts and deliveries, but for dead letters. Rows that somebody holds are left for the next walk, so that nobody waits.
 */
export async function deleteOldExecutions(
  db: Db,
  { afterId, cutoffId }: { afterId: string; cutoffId: string },
  limit: number,
): Promise<Walked> {
  const { rows } = await sql<{ id: string }>`
    with seen as (
      select id, finished_at, listed_status from executions
      where id > ${afterId}::uuid and id < ${cutoffId}::uuid
      order by id limit ${limit}
    ), old as (
      select e.id from executions e
      where e.id = any(array(
        select id from seen where finished_at is not null and listed_status is distinct from 'failed'))
      for update skip locked
    ), attempts as (
      delete from attempts a using old where a.execution_id = old.id
    ), told as (
      delete from deliveries d using old where d.execution_id = old.id
    ), gone as (
      delete from executions e using old where e.id = old.id
    )
    select id from seen order by id desc limit 1`.execute(db);
  return { lastId: rows[0]?.id };
}

/** Deletes up to `limit` dead letters older than `cutoffId`, oldest first, with their attempts. Answers how many went. */
export async function deleteOldDeadLetters(db: Db, cutoffId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with old as (
      select e.id
      from scopes s
      cross join lateral (
        select id from executions
        where scope_id = s.id and listed_status = 'failed' and id < ${cutoffId}::uuid
        order by id limit ${limit}
        for update skip locked
      ) e
      limit ${limit}
    ), attempts as (
      delete from attempts a using old where a.execution_id = old.id
    ), told as (
      delete from deliveries d using old where d.execution_id = old.id
    )
    delete from executions e using old where e.id = old.id
    returning e.id`.execute(db);
  return rows.length;
}

/**
 * Looks at the next `limit` jobs after `afterId`, and deletes those that ended, or were deleted, before `cutoff` and have
 * no executions left, with their revisions. Ids are as old as their jobs, so `cutoffId` keeps younger jobs out of it. A
 * completed job that has a key stays, since whoever declares it again means this one.
 */
export async function deleteOldJobs(
  db: Db,
  { afterId, cutoff, cutoffId }: { afterId: string; cutoff: Date; cutoffId: string },
  limit: number,
): Promise<Walked> {
  const { rows } = await sql<{ id: string }>`
    with seen as (
      select id from jobs
      where id > ${afterId}::uuid and id < ${cutoffId}::uuid
      order by id limit ${limit}
    ), old as (
      -- Asked of each row as it is once it is locked: somebody may be giving the job a new timing.
      select j.id from jobs j
      where j.id = any(array(select id from seen))
        and (j.deleted_at < ${cutoff} or (j.deleted_at is null and j.state in ('completed', 'canceled')
          and greatest(j.updated_at, j.last_run_at) < ${cutoff}
          -- Declared once more, a job that was forgotten would fire again.
          and (j.key is null or j.state = 'canceled')))
        and not exists (select 1 from executions e where e.job_id = j.id)
      for update of j skip locked
    ), revisions as (
      delete from revisions r using old where r.job_id = old.id
    ), gone as (
      delete from jobs j using old where j.id = old.id
    )
    select id from seen order by id desc limit 1`.execute(db);
  return { lastId: rows[0]?.id };
}

/** Deletes up to `limit` replays of many older than `cutoffId` that have no executions left. */
export async function deleteOldReplays(db: Db, cutoffId: string, limit: number): Promise<void> {
  await sql`
    delete from replays where id in (
      select id from replays r where id < ${cutoffId}::uuid
        and not exists (select 1 from executions e where e.replay_id = r.id)
      order by id limit ${limit})`.execute(db);
}

/** Deletes up to `limit` deliveries older than `cutoffId` that are of no execution and over, oldest first. */
export async function deleteOldMessages(db: Db, cutoffId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    delete from deliveries where id in (
      select id from deliveries
      where execution_id is null and id < ${cutoffId}::uuid and status <> 'pending'
      order by id limit ${limit})
    returning id`.execute(db);
  return rows.length;
}

/** Deletes up to `limit` counters of policies whose windows are over. */
export async function deleteOldCounters(db: Db, cutoff: Date, limit: number): Promise<number> {
  const { rows } = await sql`
    with old as (
      select scope_id, key from policy_counters where expires_at < ${cutoff}
      order by expires_at limit ${limit} for update skip locked
    )
    delete from policy_counters c using old where c.scope_id = old.scope_id and c.key = old.key
    returning c.key`.execute(db);
  return rows.length;
}

/** Deletes up to `limit` requests for approval whose time passed before `cutoff`. */
export async function deleteOldApprovals(db: Db, cutoff: Date, limit: number): Promise<void> {
  await sql`
    delete from approvals where id in (
      select id from approvals where expires_at < ${cutoff} order by expires_at limit ${limit}
    )`.execute(db);
}

/** Deletes up to `limit` answers to requests with an idempotency key that were given before `cutoff`. */
export async function deleteOldAnswers(db: Db, cutoff: Date, limit: number): Promise<number> {
  const { rows } = await sql<{ key: string }>`
    with old as (
      select scope_id, agent, key from idempotency_keys where created_at < ${cutoff}
      order by created_at limit ${limit}
      -- Somebody may be storing a new answer under the same key.
      for update skip locked
    )
    delete from idempotency_keys k using old where k.scope_id = old.scope_id and k.agent = old.agent and k.key = old.key
    returning k.key`.execute(db);
  return rows.length;
}

/**
 * Deletes up to `limit` executions of jobs that are to go with their history, and the jobs that have none left. Answers how
 * many executions went.
 */
export async function deletePurged(db: Db, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with old as (
      select e.id
      from (select id from jobs where is_purged order by id limit 100) j
      cross join lateral (
        select id from executions where job_id = j.id and finished_at is not null
        order by id limit ${limit} for update skip locked
      ) e
      limit ${limit}
    ), attempts as (
      delete from attempts a using old where a.execution_id = old.id
    ), told as (
      delete from deliveries d using old where d.execution_id = old.id
    )
    delete from executions e using old where e.id = old.id
    returning e.id`.execute(db);
  if (rows.length > 0) return rows.length;
  await sql`
    with old as (
      select j.id from jobs j
      where j.is_purged and not exists (select 1 from executions e where e.job_id = j.id)
      order by j.id limit ${limit} for update skip locked
    ), revisions as (
      delete from revisions r using old where r.job_id = old.id
    )
    delete from jobs j using old where j.id = old.id`.execute(db);
  return 0;
}
