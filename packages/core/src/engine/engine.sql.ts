import { type RawBuilder, sql } from "kysely";
import type {
  AttemptErrorCode,
  AttemptStatus,
  ExecutionStatus,
  RetryPolicy,
  Statuses,
} from "@org/scheduler-contract";
import type { Db, Tx } from "../database/tables.ts";
import type { Timed } from "../jobs/job.ts";
import type { Ticket } from "../queue/queue.ts";

/** The instant that counts: the one given, or the database's. */
function instant(at: Date | null): RawBuilder<Date> {
  return sql<Date>`coalesce(${at}::timestamptz, now())`;
}

/** A batch as one parameter, however many rows it has. */
function rowsOf(rows: unknown[]): RawBuilder<unknown> {
  return sql`${JSON.stringify(rows)}::json`;
}

/**
 * The rows `e` of a batch, by their keys. Arrays tell the database how few they are: joined to a set of unknown
 * size it may read a whole table instead.
 */
function keysOf(rows: { scope_id: number; id: string }[]): RawBuilder<boolean> {
  const scopes = [...new Set(rows.map(({ scope_id }) => scope_id))];
  const ids = rows.map(({ id }) => id);
  return sql`e.scope_id = any(${scopes}::integer[]) and e.id = any(${ids}::uuid[])`;
}

export interface DueJob extends Timed {
  now: Date;
  scope_id: number;
  id: string;
  revision_id: string;
  max_runs: number | null;
  run_count: number;
  next_run_at: Date;
}

/** Claims jobs whose next run is due, most overdue last: fresh slots go first when there is a backlog. */
export async function claimDueJobs(tx: Tx, at: Date | null, limit: number): Promise<DueJob[]> {
  const { rows } = await sql<DueJob>`
    select ${instant(at)} as now, scope_id, id, revision_id, kind, cron, every_n_minutes, run_at, timezone, start_at,
      end_at, max_runs, run_count, next_run_at
    from scheduler.jobs
    where next_run_at <= ${instant(at)}
    order by next_run_at desc
    limit ${limit}
    for update skip locked`.execute(tx);
  return rows;
}

export interface PlannedJob {
  scope_id: number;
  job_id: string;
  next_run_at: Date | null;
  runs: number;
}

export interface PlannedExecution {
  scope_id: number;
  id: string;
  job_id: string;
  revision_id: string;
  slot: Date;
  status: "pending" | "skipped";
  reason: string | null;
  error: string | null;
}

/**
 * Moves the claimed jobs on and writes their executions. A slot that has one already keeps it: the unique index
 * on (job_id, slot) is what makes a second fire impossible.
 */
export async function recordPlan(
  tx: Tx,
  jobs: PlannedJob[],
  executions: PlannedExecution[],
  at: Date | null,
): Promise<Ticket[]> {
  const { rows } = await sql<{ scope_id: number; id: string; status: ExecutionStatus }>`
    with moved as (
      update scheduler.jobs j set next_run_at = p.next_run_at, run_count = j.run_count + p.runs
      from json_to_recordset(${rowsOf(jobs)})
        as p(scope_id integer, job_id uuid, next_run_at timestamptz, runs integer)
      where j.scope_id = p.scope_id and j.id = p.job_id
    )
    insert into scheduler.executions
      (scope_id, id, job_id, revision_id, trigger, status, reason, error, slot, scheduled_for, created_at, finished_at)
    select scope_id, id, job_id, revision_id, 'schedule', status, reason, error, slot, slot, ${instant(at)},
      case when status = 'skipped' then ${instant(at)} end
    from json_to_recordset(${rowsOf(executions)})
      as x(scope_id integer, id uuid, job_id uuid, revision_id uuid, slot timestamptz, status text, reason text, error text)
    on conflict (job_id, slot) do nothing
    returning scope_id, id, status`.execute(tx);
  return rows
    .filter(({ status }) => status === "pending")
    .map(({ scope_id, id }) => ({ scopeId: scope_id, executionId: id }));
}

/** Claims executions that were waiting for their time: retries, delays, manual runs and replays. */
export async function claimDueExecutions(tx: Tx, at: Date | null, limit: number): Promise<Ticket[]> {
  const { rows } = await sql<{ scope_id: number; id: string }>`
    update scheduler.executions e set due_at = null
    from (
      select scope_id, id from scheduler.executions
      where due_at <= ${instant(at)}
      order by due_at
      limit ${limit}
      for update skip locked
    ) due
    where e.scope_id = due.scope_id and e.id = due.id
    returning e.scope_id, e.id`.execute(tx);
  return rows.map(({ scope_id, id }) => ({ scopeId: scope_id, executionId: id }));
}

/** Milliseconds until anything is due, negative when it is overdue; null when nothing is planned. */
export async function msUntilNextDue(db: Db, at: Date | null): Promise<number | null> {
  const { rows } = await sql<{ ms: number | null }>`
    select (extract(epoch from least(
      (select min(next_run_at) from scheduler.jobs where next_run_at is not null),
      (select min(due_at) from scheduler.executions where due_at is not null)
    ) - ${instant(at)}) * 1000)::double precision as ms`.execute(db);
  return rows[0]!.ms;
}

/** What is due and not planned yet, counted up to 10,000, and how long the oldest of it waits. */
export async function countDue(db: Db, at: Date | null): Promise<{ count: number; oldestSeconds: number }> {
  const { rows } = await sql<{ count: number; oldestSeconds: number }>`
    select count(*)::integer as count,
      coalesce(extract(epoch from ${instant(at)} - min(due_at)), 0)::double precision as "oldestSeconds"
    from (
      (select next_run_at as due_at from scheduler.jobs where next_run_at <= ${instant(at)}
        order by next_run_at limit 10000)
      union all
      (select due_at from scheduler.executions where due_at <= ${instant(at)} order by due_at limit 10000)
    ) due`.execute(db);
  return rows[0]!;
}

export interface StartedExecution {
  now: Date;
  scope_id: number;
  id: string;
  job_id: string;
  scheduled_for: Date;
  attempt_count: number;
  interruptions: number;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | null;
  timeout_seconds: number;
  success_statuses: Statuses;
  retry: RetryPolicy;
}

/** Marks ticketed executions as running on this worker and loads what they send. Canceled ones are left out. */
export async function startExecutions(
  tx: Tx,
  tickets: Ticket[],
  workerId: string,
  at: Date | null,
): Promise<StartedExecution[]> {
  const { rows } = await sql<StartedExecution>`
    with started as (
      update scheduler.executions e
      set status = 'running', worker_id = ${workerId}::uuid, running_since = ${instant(at)},
        attempt_count = e.attempt_count + 1, started_at = coalesce(e.started_at, ${instant(at)})
      where ${keysOf(tickets.map(({ scopeId, executionId }) => ({ scope_id: scopeId, id: executionId })))}
        and e.status in ('pending', 'retrying') and e.due_at is null
      returning e.scope_id, e.id, e.job_id, e.revision_id, e.scheduled_for, e.attempt_count, e.interruptions
    )
    select ${instant(at)} as now, s.scope_id, s.id, s.job_id, s.scheduled_for, s.attempt_count, s.interruptions,
      r.method, r.url, r.headers, r.body, r.timeout_seconds, r.success_statuses, r.retry
    from started s join scheduler.revisions r on r.scope_id = s.scope_id and r.id = s.revision_id`.execute(
    tx,
  );
  return rows;
}

export interface SettledAttempt {
  scope_id: number;
  id: string;
  job_id: string;
  number: number;
  /** What the execution becomes. */
  next_status: ExecutionStatus;
  /** Until the next attempt, counted by the database's clock; null when there is none. */
  retry_ms: number | null;
  interrupted: boolean;
  status: AttemptStatus;
  error_code: AttemptErrorCode | null;
  error: string | null;
  status_code: number | null;
  started_at: Date;
  latency_ms: number;
  response_headers: Record<string, string> | null;
  response_body: string | null;
  response_truncated: boolean;
}

/**
 * Writes outcomes in one statement: the attempt, the execution's next state, the job's health. Only what this
 * worker still holds is touched (same worker, same attempt): a worker that was taken for dead and comes back
 * must not overwrite what another has done since. Answers which executions were settled.
 */
export async function settleAttempts(
  db: Db,
  attempts: SettledAttempt[],
  workerId: string,
  at: Date | null,
): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    with input as (
      select row_number() over () as position, x.* from json_to_recordset(${rowsOf(attempts)}) as x(
        scope_id integer, id uuid, number integer, next_status text, retry_ms double precision, interrupted boolean,
        status text, error_code text, error text, status_code integer, started_at timestamptz,
        latency_ms double precision, response_headers jsonb, response_body text, response_truncated boolean)
    ), settled as (
      update scheduler.executions e
      set status = i.next_status, worker_id = null, running_since = null, status_code = i.status_code,
        error_code = i.error_code, error = i.error,
        interruptions = e.interruptions + i.interrupted::integer,
        due_at = ${instant(at)} + i.retry_ms * interval '1 millisecond',
        finished_at = case when i.next_status in ('succeeded', 'failed', 'canceled') then ${instant(at)} end
      from input i
      where ${keysOf(attempts)} and e.scope_id = i.scope_id and e.id = i.id
        and e.status = 'running' and e.worker_id = ${workerId}::uuid and e.attempt_count = i.number
      returning e.scope_id, e.id, e.job_id, e.status, e.started_at, i.position
    ), recorded as (
      insert into scheduler.attempts (scope_id, execution_id, number, status, error_code, error, status_code,
        started_at, latency_ms, response_headers, response_body, response_truncated)
      select i.scope_id, i.id, i.number, i.status, i.error_code, i.error, i.status_code, i.started_at, i.latency_ms,
        i.response_headers, i.response_body, i.response_truncated
      from input i join settled s on s.id = i.id
    ), ${jobHealth(sql`j.id = any(${attempts.map(({ job_id }) => job_id)}::uuid[])`)}
    select id from settled`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/**
 * Folds a batch of settled executions into their jobs: the last status, the failures since the last success, and
 * the end of a job that has no further run. Rows are locked in the order of job ids, as every batch does, so that
 * two workers do not wait for each other.
 */
function jobHealth(narrowed: RawBuilder<boolean>): RawBuilder<unknown> {
  return sql`health as (
      update scheduler.jobs j
      set last_run_at = h.started_at, last_status = h.status,
        consecutive_failures = case when h.any_success then 0 else j.consecutive_failures end + h.failures,
        state = case when j.state = 'active' and j.next_run_at is null and h.any_final then 'completed' else j.state end
      from (
        select scope_id, job_id, (array_agg(status order by position desc))[1] as status,
          max(started_at) as started_at, bool_or(status = 'succeeded') as any_success,
          count(*) filter (where status = 'failed' and position > last_success) as failures,
          bool_or(status not in ('retrying', 'pending', 'running')) as any_final
        from (
          select s.*, coalesce(max(position) filter (where status = 'succeeded')
            over (partition by scope_id, job_id), 0) as last_success
          from settled s
        ) s
        group by scope_id, job_id
        order by job_id
      ) h
      where ${narrowed} and j.scope_id = h.scope_id and j.id = h.job_id
    )`;
}

/** How many times a worker may be lost under an execution before that counts as the execution's own doing. */
const maxInterruptions = 5;

/**
 * Takes running executions back from workers that no longer beat: the cut attempt is recorded as `interrupted`
 * and the execution is due again at once. Answers how many.
 */
export async function takeBackFromLostWorkers(db: Db, lostAfterMs: number, at: Date | null): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    with lost as (
      select e.scope_id, e.id, e.running_since from scheduler.executions e
      where e.scope_id in (select id from scheduler.scopes) and e.status = 'running'
        and not exists (
          select 1 from scheduler.workers w
          where w.id = e.worker_id and w.heartbeat_at > now() - ${lostAfterMs}::double precision * interval '1 millisecond')
      limit 1000
      for update skip locked
    ), settled as (
      update scheduler.executions e
      set status = case when e.interruptions < ${maxInterruptions} then 'retrying' else 'failed' end,
        due_at = case when e.interruptions < ${maxInterruptions} then ${instant(at)} end,
        finished_at = case when e.interruptions < ${maxInterruptions} then null else ${instant(at)} end,
        worker_id = null, running_since = null, interruptions = e.interruptions + 1,
        error_code = 'worker_lost', error = 'The worker that held this execution stopped answering.'
      from lost where e.scope_id = lost.scope_id and e.id = lost.id
      returning e.scope_id, e.id, e.job_id, e.status, e.started_at, lost.running_since, e.attempt_count, 1 as position
    ), recorded as (
      insert into scheduler.attempts (scope_id, execution_id, number, status, error_code, error, started_at,
        latency_ms, response_truncated)
      select scope_id, id, attempt_count, 'interrupted', 'worker_lost',
        'The worker was lost before an answer was recorded.', running_since, 0, false
      from settled
    ), ${jobHealth(sql`true`)}
    select id from settled`.execute(db);
  return rows.length;
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

/** Forgets workers that stopped beating long ago; what they held was taken back before. */
export async function forgetLostWorkers(db: Db): Promise<void> {
  await sql`delete from scheduler.workers w where heartbeat_at < now() - interval '1 hour'`.execute(db);
}

export interface UnarmedJob extends Timed {
  now: Date;
  scope_id: number;
  id: string;
  max_runs: number | null;
  run_count: number;
}

/** Active jobs with neither a next run nor an execution under way: there should be none. Looks at the oldest. */
export async function findUnarmedJobs(db: Db, at: Date | null): Promise<UnarmedJob[]> {
  const { rows } = await sql<UnarmedJob>`
    select ${instant(at)} as now, j.scope_id, j.id, j.kind, j.cron, j.every_n_minutes, j.run_at, j.timezone,
      j.start_at, j.end_at, j.max_runs, j.run_count
    from (
      select * from scheduler.jobs
      where state = 'active' and next_run_at is null and deleted_at is null
      order by id limit 1000
    ) j
    where not exists (
      select 1 from scheduler.executions e
      where e.job_id = j.id and e.slot is not null and e.status in ('pending', 'running', 'retrying'))`.execute(
    db,
  );
  return rows;
}

/** Gives an unarmed job its next run, or ends it where it has none. Answers false where it was mended meanwhile. */
export async function mendUnarmedJob(db: Db, job: UnarmedJob, nextRunAt: Date | null): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("jobs")
    .set(nextRunAt === null ? { state: "completed" } : { next_run_at: nextRunAt })
    .where("scope_id", "=", job.scope_id)
    .where("id", "=", job.id)
    .where("state", "=", "active")
    .where("next_run_at", "is", null)
    .where("deleted_at", "is", null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}
