import { sql } from "kysely";
import type { Db } from "../database/tables.ts";
import type { Timed } from "../jobs/job.ts";

export interface JobToMend extends Timed {
  now: Date;
  id: string;
  max_runs: number | null;
  run_count: number;
  /** Null for an active job without an execution under way. Otherwise minutes away, so that a slot may lie before it. */
  next_run_at: Date | null;
}

/** How far back among the executions of a job one is looked for that is under way; its history may be long. */
const lookBack = 1000;

/**
 * Active jobs with neither a next run nor an execution under way, of which there should be none, and repeating ones
 * whose next run is not soon. Looks at a stretch of jobs after `cursor`, so that a look costs the same however many
 * jobs there are; answers where to go on.
 */
export async function findJobsToMend(
  db: Db,
  { cursor, limit }: { cursor: string; limit: number },
  at: Date | null,
): Promise<{ jobs: JobToMend[]; cursor: string | null }> {
  const { rows } = await sql<JobToMend & { last: string; size: number }>`
    with stretch as (
      select * from jobs where id > ${cursor}::uuid order by id limit ${limit}
    )
    select s.last, s.size, coalesce(${at}::timestamptz, now()) as now, j.id, j.kind, j.cron, j.every_n_minutes, j.run_at,
      j.timezone, j.start_at, j.end_at, j.max_runs, j.run_count, j.jitter_seconds, j.next_run_at
    from (select count(*)::integer as size, (select id from stretch order by id desc limit 1) as last from stretch) s
    left join stretch j on j.state = 'active' and j.deleted_at is null and case
      when j.next_run_at is null then not exists (
        select 1 from (
          select finished_at from executions e where e.job_id = j.id order by e.id desc limit ${lookBack}
        ) newest where finished_at is null)
      else j.repeats and j.next_run_at > coalesce(${at}::timestamptz, now()) + interval '2 minutes' end`.execute(
    db,
  );
  const { size, last } = rows[0]!;
  return { jobs: rows.filter(({ id }) => id !== null), cursor: size === limit ? last : null };
}

/** Gives an active job another next run, or ends it where it has none. Answers false where it was changed meanwhile. */
export async function rearmJob(db: Db, job: JobToMend, nextRunAt: Date | null): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("jobs")
    .set(nextRunAt === null ? { state: "completed" } : { next_run_at: nextRunAt })
    .where("id", "=", job.id)
    .where("state", "=", "active")
    .where("next_run_at", "is not distinct from", job.next_run_at)
    .where("deleted_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Which of some slots have their execution. */
export async function findPlanned(db: Db, ids: string[]): Promise<Set<string>> {
  const rows = await db
    .selectFrom("executions")
    .select("id")
    .where("id", "=", sql<string>`any(${ids}::uuid[])`)
    .execute();
  return new Set(rows.map(({ id }) => id));
}
