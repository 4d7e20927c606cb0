import { sql } from "kysely";
import type { Db } from "../database/tables.ts";

/**
 * Deletes up to `limit` finished executions, oldest first, that are older than `cutoffId`, with their attempts.
 * Rows that somebody holds are left for the next time, so that nobody waits. Answers how many went.
 */
export async function deleteOldExecutions(db: Db, cutoffId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with old as (
      select e.scope_id, e.id
      from scheduler.scopes s
      cross join lateral (
        select scope_id, id from scheduler.executions
        where scope_id = s.id and id < ${cutoffId}::uuid and finished_at is not null
        order by id limit ${limit}
        for update skip locked
      ) e
      limit ${limit}
    ), gone as (
      delete from scheduler.attempts a using old where a.execution_id = old.id
    )
    delete from scheduler.executions e using old where e.id = old.id
    returning e.id`.execute(db);
  return rows.length;
}

/**
 * Deletes up to `limit` jobs that ended, or were deleted, before `cutoff` and have no executions left, with their
 * revisions. Ids are as old as their jobs, so `cutoffId` keeps younger jobs out of the search.
 */
export async function deleteOldJobs(
  db: Db,
  { cutoff, cutoffId }: { cutoff: Date; cutoffId: string },
  limit: number,
): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with ended as (
      select scope_id, id from scheduler.jobs
      where scope_id in (select id from scheduler.scopes) and state in ('completed', 'canceled')
        and deleted_at is null and id < ${cutoffId}::uuid and greatest(updated_at, last_run_at) < ${cutoff}
      limit ${limit}
    ), deleted as (
      select scope_id, id from scheduler.jobs where deleted_at < ${cutoff} limit ${limit}
    ), old as (
      select j.scope_id, j.id from (select * from ended union all select * from deleted) j
      where not exists (select 1 from scheduler.executions e where e.job_id = j.id)
      limit ${limit}
    ), revisions as (
      delete from scheduler.revisions r using old where r.job_id = old.id
    )
    delete from scheduler.jobs j using old
    where j.id = old.id
      -- Asked again of the row as it is now: somebody may have given the job a new timing meanwhile.
      and (j.deleted_at is not null or j.state in ('completed', 'canceled'))
    returning j.id`.execute(db);
  return rows.length;
}

/** Deletes up to `limit` audit rows older than `cutoffId`. */
export async function deleteOldAudit(db: Db, cutoffId: string, limit: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    delete from scheduler.audit a using (
      select e.scope_id, e.id
      from scheduler.scopes s
      cross join lateral (
        select scope_id, id from scheduler.audit
        where scope_id = s.id and id < ${cutoffId}::uuid
        order by id limit ${limit}
      ) e
      limit ${limit}
    ) old
    where a.scope_id = old.scope_id and a.id = old.id
    returning a.id`.execute(db);
  return rows.length;
}
