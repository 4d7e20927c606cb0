import { type RawBuilder, sql } from "kysely";
import { makeCallbacks } from "../database/callbacks.ts";
import type { Db } from "../database/tables.ts";
import type { Timed } from "../jobs/job.ts";

/** The instant that counts: the one given, or the database's. */
function instant(at: Date | null): RawBuilder<Date> {
  return sql<Date>`coalesce(${at}::timestamptz, now())`;
}

/** Says that a worker lives, adding it where it is not known (any more). */
export async function beat(
  db: Db,
  worker: { id: string; host: string; pid: number; slots: number },
): Promise<void> {
  await sql`
    insert into scheduler.workers (id, host, pid, slots)
    values (${worker.id}, ${worker.host}, ${worker.pid}, ${worker.slots})
    on conflict (id) do update set heartbeat_at = now()`.execute(db);
}

export async function removeWorker(db: Db, id: string): Promise<void> {
  await db.deleteFrom("workers").where("id", "=", id).execute();
}

/** Takes every known worker for dead: for a database that only this process can have open, and has just opened. */
export async function loseAllWorkers(db: Db): Promise<void> {
  await sql`update scheduler.workers set heartbeat_at = '-infinity'`.execute(db);
}

/** Whether any worker stopped beating. */
export async function anyWorkerLost(db: Db, lostAfterMs: number): Promise<boolean> {
  const { rows } = await sql<{ lost: boolean }>`
    select exists (
      select 1 from scheduler.workers
      where heartbeat_at <= now() - ${lostAfterMs}::double precision * interval '1 millisecond'
    ) as lost`.execute(db);
  return rows[0]!.lost;
}

/** How many times a worker may be lost under an execution before that counts as the execution's own doing. */
const maxInterruptions = 5;
const stepSize = 1000;

/**
 * Takes running executions back from workers that no longer beat: the cut attempt is recorded as `interrupted` and
 * the execution is due again at once. Answers how many; fewer than a step means that none is left.
 */
export function takeBackFromLostWorkers(db: Db, lostAfterMs: number, at: Date | null): Promise<number> {
  return takeBack(
    db,
    sql`not exists (
      select 1 from scheduler.workers w
      where w.id = e.worker_id and w.heartbeat_at > now() - ${lostAfterMs}::double precision * interval '1 millisecond')`,
    at,
  );
}

/**
 * Takes back what runs in a worker's name without its knowing: when the answer to its commit was lost, the commit
 * may have happened all the same.
 */
export function takeBackStrays(
  db: Db,
  worker: { workerId: string; held: string[]; afterMs: number },
  at: Date | null,
): Promise<number> {
  return takeBack(
    db,
    sql`e.worker_id = ${worker.workerId}::uuid and e.id <> all(${worker.held}::uuid[])
      and e.running_since < ${instant(at)} - ${worker.afterMs}::double precision * interval '1 millisecond'`,
    at,
  );
}

async function takeBack(db: Db, which: RawBuilder<unknown>, at: Date | null): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with lost as (
      select e.id, e.running_since
      from scheduler.open_executions o join scheduler.executions e on e.id = o.id
      where e.status = 'running' and ${which}
      limit ${stepSize}
      for update of e skip locked
    ), settled as (
      update scheduler.executions e
      set status = case when e.interruptions < ${maxInterruptions} then 'retrying' else 'failed' end,
        due_at = case when e.interruptions < ${maxInterruptions} then ${instant(at)} end,
        finished_at = case when e.interruptions < ${maxInterruptions} then null else ${instant(at)} end,
        worker_id = null, running_since = null, interruptions = e.interruptions + 1,
        error_code = 'worker_lost', error = 'The worker that held this execution stopped answering.'
      from lost where e.id = lost.id
      returning e.scope_id, e.id, e.job_id, e.revision_id, e.status, e.finished_at, lost.running_since, e.attempt_count
    ), called as (
      ${sql.raw(makeCallbacks("(select * from settled where finished_at is not null)"))}
    ), closed as (
      delete from scheduler.open_executions o using settled s where o.id = s.id and s.finished_at is not null
    ), freed as (
      update scheduler.open_executions o set queue = null
      from settled s where o.id = s.id and s.finished_at is null and o.queue is not null
    ), recorded as (
      insert into scheduler.attempts (scope_id, execution_id, number, status, error_code, error, started_at,
        latency_ms, response_truncated)
      select scope_id, id, attempt_count, 'interrupted', 'worker_lost',
        'The worker was lost before an answer was recorded.', running_since, 0, false
      from settled
    ), healthy as (
      update scheduler.jobs j
      set last_status = h.status, consecutive_failures = j.consecutive_failures + h.failures,
        state = case when j.state = 'active' and j.next_run_at is null and h.failures > 0 then 'completed' else j.state end
      from (
        select job_id, min(status) as status, count(*) filter (where finished_at is not null) as failures
        from settled group by job_id
      ) h
      where j.id = h.job_id
    )
    select id from settled`.execute(db);
  return rows.length;
}

/** Forgets workers that stopped beating, once nothing runs in their name any more. */
export async function forgetLostWorkers(db: Db, lostAfterMs: number): Promise<void> {
  await sql`
    delete from scheduler.workers w
    where heartbeat_at <= now() - ${lostAfterMs}::double precision * interval '1 millisecond'
      and not exists (
        select 1 from scheduler.open_executions o join scheduler.executions e on e.id = o.id
        where e.worker_id = w.id)`.execute(db);
}

export interface UnarmedJob extends Timed {
  now: Date;
  id: string;
  max_runs: number | null;
  run_count: number;
}

/**
 * Active jobs with neither a next run nor an execution under way: there should be none. Looks at a stretch of jobs
 * after `cursor`, so that a look costs the same however many jobs there are; answers where to go on.
 */
export async function findUnarmedJobs(
  db: Db,
  { cursor, limit }: { cursor: string; limit: number },
  at: Date | null,
): Promise<{ jobs: UnarmedJob[]; cursor: string | null }> {
  const { rows } = await sql<UnarmedJob & { unarmed: boolean }>`
    select ${instant(at)} as now, j.id, j.kind, j.cron, j.every_n_minutes, j.run_at, j.timezone, j.start_at, j.end_at,
      j.max_runs, j.run_count, j.jitter_seconds,
      j.state = 'active' and j.next_run_at is null and j.deleted_at is null and not exists (
        select 1 from scheduler.executions e where e.job_id = j.id and e.finished_at is null
      ) as unarmed
    from (select * from scheduler.jobs where id > ${cursor}::uuid order by id limit ${limit}) j`.execute(db);
  return {
    jobs: rows.filter(({ unarmed }) => unarmed),
    cursor: rows.length === limit ? rows.at(-1)!.id : null,
  };
}

/** Gives an unarmed job its next run, or ends it where it has none. Answers false where it was mended meanwhile. */
export async function mendUnarmedJob(db: Db, job: UnarmedJob, nextRunAt: Date | null): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("jobs")
    .set(nextRunAt === null ? { state: "completed" } : { next_run_at: nextRunAt })
    .where("id", "=", job.id)
    .where("state", "=", "active")
    .where("next_run_at", "is", null)
    .where("deleted_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}
