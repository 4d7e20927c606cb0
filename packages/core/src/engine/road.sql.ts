import { sql } from "kysely";
import type {
  AttemptErrorCode,
  AttemptStatus,
  ExecutionStatus,
  RetryPolicy,
  Statuses,
  Trigger,
} from "@org/scheduler-contract";
import type { Db, Tx } from "../database/tables.ts";
import type { Timed } from "../jobs/job.ts";
import { clock, instant, rowsOf } from "./batch.sql.ts";

export interface DueJob extends Timed {
  now: Date;
  scope_id: number;
  id: string;
  revision_id: string;
  max_runs: number | null;
  run_count: number;
  next_run_at: Date;
}

/** What a look at the tables found. */
export interface Due {
  jobs: DueJob[];
  /** Executions that waited for their time are due too. */
  waiting: boolean;
  /** Until the next job or execution that is not due yet; null without any. */
  nextInMs: number | null;
}

/**
 * Claims jobs that are due, or will be within `leadMs`, the freshest first: after an outage nobody's new slot waits
 * behind all the old ones. Of jobs with a single slot it takes no more than can start now, since they lose nothing
 * by waiting where they are; repeating ones are taken whether there is room or not, so that each slot gets its
 * execution before the next comes.
 */
export async function claimDueJobs(
  tx: Tx,
  at: Date | null,
  limits: { oneShot: number; repeating: number; leadMs: number },
): Promise<Due> {
  const soon = sql`${instant(at)} + ${limits.leadMs}::integer * interval '1 millisecond'`;
  const { rows } = await sql<Omit<Due, "jobs"> & (DueJob | { id: null })>`
    with one_shot as (
      select * from scheduler.jobs
      where not repeats and next_run_at <= ${soon}
      order by next_run_at desc limit ${limits.oneShot}
      for update skip locked
    ), repeating as (
      select * from scheduler.jobs
      where repeats and next_run_at <= ${soon}
      order by next_run_at desc limit ${limits.repeating}
      for update skip locked
    )
    select ${instant(at)} as now, scope_id, id, revision_id, kind, cron, every_n_minutes, run_at, timezone, start_at,
      end_at, max_runs, run_count, next_run_at, look.*
    from (
      select exists (select 1 from scheduler.executions where due_at <= ${soon}) as waiting,
        (extract(epoch from least(
          (select min(next_run_at) from scheduler.jobs where repeats and next_run_at > ${soon}),
          (select min(next_run_at) from scheduler.jobs where not repeats and next_run_at > ${soon}),
          (select min(due_at) from scheduler.executions where due_at > ${soon})
        ) - ${instant(at)}) * 1000)::double precision as "nextInMs"
    ) look left join (select * from one_shot union all select * from repeating) due on true`.execute(tx);
  const { waiting, nextInMs } = rows[0]!;
  return { jobs: rows.filter((row): row is typeof row & DueJob => row.id !== null), waiting, nextInMs };
}

export interface PlannedJob {
  id: string;
  next_run_at: Date | null;
  runs: number;
  /** Its schedule cannot be computed any more: it stops until somebody mends it. */
  parked: boolean;
}

export interface PlannedExecution {
  id: string;
  scope_id: number;
  job_id: string;
  revision_id: string;
  scheduled_for: Date;
  /** `running` starts here and now. */
  status: "pending" | "running" | "skipped";
  reason: string | null;
  error: string | null;
}

/** An execution that this worker holds, with what it sends. */
export interface StartedExecution {
  /** What time it was by the database's clock when it was claimed. */
  clock: Date;
  trigger: Trigger;
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

/** An execution that was planned or claimed: started here, or waiting for a worker with a free slot. */
export type Claimed =
  | ({ status: "running" } & StartedExecution)
  | { status: "pending" | "retrying" | "skipped" | "canceled"; scope_id: number; id: string };

const request = sql`r.method, r.url, r.headers, r.body, r.timeout_seconds, r.success_statuses, r.retry`;

/**
 * Moves the claimed jobs on and writes their executions. A slot that has one already keeps it: the id is made from
 * job and slot, so the primary key is what makes a second fire impossible.
 */
export async function recordPlan(
  tx: Tx,
  plan: { jobs: PlannedJob[]; executions: PlannedExecution[]; workerId: string },
  at: Date | null,
): Promise<Claimed[]> {
  const { rows } = await sql<Claimed>`
    with moved as (
      update scheduler.jobs j
      set next_run_at = p.next_run_at, run_count = j.run_count + p.runs,
        state = case when p.parked then 'paused' else j.state end
      from json_to_recordset(${rowsOf(plan.jobs)})
        as p(id uuid, next_run_at timestamptz, runs integer, parked boolean)
      where j.id = p.id
    ), written as (
      insert into scheduler.executions (id, scope_id, job_id, revision_id, trigger, status, reason, error,
        scheduled_for, created_at, worker_id, running_since, started_at, attempt_count, finished_at)
      select id, scope_id, job_id, revision_id, 'schedule', status, reason, error, scheduled_for, ${instant(at)},
        case when status = 'running' then ${plan.workerId}::uuid end,
        case when status = 'running' then greatest(${instant(at)}, scheduled_for) end,
        case when status = 'running' then greatest(${instant(at)}, scheduled_for) end,
        case when status = 'running' then 1 else 0 end,
        case when status = 'skipped' then ${instant(at)} end
      from json_to_recordset(${rowsOf(plan.executions)})
        as x(id uuid, scope_id integer, job_id uuid, revision_id uuid, scheduled_for timestamptz, status text,
          reason text, error text)
      on conflict (id) do nothing
      returning id, scope_id, job_id, revision_id, scheduled_for, status
    ), opened as (
      insert into scheduler.open_executions (id, scope_id)
      select id, scope_id from written where status <> 'skipped'
    )
    select ${clock(at)} as clock, 'schedule' as trigger, w.id, w.scope_id, w.job_id, w.scheduled_for, w.status, 1 as attempt_count,
      0 as interruptions, ${request}
    from written w left join scheduler.revisions r on r.id = w.revision_id and w.status = 'running'`.execute(
    tx,
  );
  return rows;
}

/**
 * Claims executions that waited for their time: retries, delays, manual runs, replays. The first `room` of them
 * start here, the others are for whoever has a free slot. What somebody canceled while it was under way, or whose
 * job is gone, ends here; a replay is wanted for its own sake.
 */
export async function claimWaiting(
  tx: Tx,
  { room, limit, leadMs, workerId }: { room: number; limit: number; leadMs: number; workerId: string },
  at: Date | null,
): Promise<Claimed[]> {
  const { rows } = await sql<Claimed>`
    with due as (
      select id, cancel_requested_at is not null or (trigger <> 'replay' and not exists (
          select 1 from scheduler.jobs j where j.id = e.job_id and j.state <> 'canceled' and j.deleted_at is null
        )) as ends
      from scheduler.executions e
      where due_at <= ${instant(at)} + ${leadMs}::integer * interval '1 millisecond'
      order by due_at desc limit ${limit}
      for update of e skip locked
    ), sorted as (
      select id, ends, not ends and row_number() over (partition by ends) <= ${room} as starts from due
    ), claimed as (
      update scheduler.executions e
      set due_at = null,
        status = case when n.ends then 'canceled' when n.starts then 'running' else e.status end,
        reason = case when n.ends then 'canceled' else e.reason end,
        finished_at = case when n.ends then ${instant(at)} end,
        worker_id = case when n.starts then ${workerId}::uuid end,
        running_since = case when n.starts then ${instant(at)} end,
        started_at = case when n.starts then coalesce(e.started_at, ${instant(at)}) else e.started_at end,
        attempt_count = e.attempt_count + n.starts::integer
      from sorted n
      where e.id = n.id
      returning e.id, e.scope_id, e.job_id, e.revision_id, e.trigger, e.scheduled_for, e.status, e.attempt_count,
        e.interruptions
    ), closed as (
      delete from scheduler.open_executions o using claimed c where o.id = c.id and c.status = 'canceled'
    )
    select ${clock(at)} as clock, c.trigger, c.id, c.scope_id, c.job_id, c.scheduled_for, c.status, c.attempt_count,
      c.interruptions, ${request}
    from claimed c join scheduler.revisions r on r.id = c.revision_id`.execute(tx);
  return rows;
}

/** Marks ticketed executions as running on this worker and loads what they send. Canceled ones are left out. */
export async function startExecutions(
  tx: Tx,
  { ids, workerId }: { ids: string[]; workerId: string },
  at: Date | null,
): Promise<StartedExecution[]> {
  const { rows } = await sql<StartedExecution>`
    with started as (
      update scheduler.executions e
      set status = 'running', worker_id = ${workerId}::uuid, running_since = ${instant(at)},
        attempt_count = e.attempt_count + 1, started_at = coalesce(e.started_at, ${instant(at)})
      where e.id = any(${ids}::uuid[]) and e.status in ('pending', 'retrying') and e.due_at is null
      returning e.scope_id, e.id, e.job_id, e.revision_id, e.trigger, e.scheduled_for, e.attempt_count, e.interruptions
    )
    select ${clock(at)} as clock, s.trigger, s.scope_id, s.id, s.job_id, s.scheduled_for, s.attempt_count, s.interruptions,
      ${request}
    from started s join scheduler.revisions r on r.id = s.revision_id`.execute(tx);
  return rows;
}

export interface SettledAttempt {
  scope_id: number;
  id: string;
  job_id: string;
  trigger: Trigger;
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

/** What a batch of outcomes means for one job. */
export interface JobHealth {
  id: string;
  last_run_at: Date;
  last_status: ExecutionStatus;
  /** A success ends the count of failures before it. */
  any_success: boolean;
  /** Failures after the last success of the batch. */
  failures: number;
  /** A slot of the job is over; manual runs and replays do not end a job. */
  slot_over: boolean;
}

/**
 * Writes outcomes in one statement: the attempt, the execution's next state, the job's health. Only what this worker
 * still holds is touched (same worker, same attempt): a worker that was taken for dead and comes back must not
 * overwrite what another has done since. Answers which executions were settled.
 */
export async function settleAttempts(
  db: Db,
  batch: { attempts: SettledAttempt[]; health: JobHealth[]; workerId: string },
  at: Date | null,
): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    with input as (
      select * from json_to_recordset(${rowsOf(batch.attempts)}) as x(
        scope_id integer, id uuid, number integer, next_status text, retry_ms double precision, interrupted boolean,
        status text, error_code text, error text, status_code integer, started_at timestamptz,
        latency_ms double precision, response_headers json, response_body text, response_truncated boolean)
    ), settled as (
      update scheduler.executions e
      set status = i.next_status, worker_id = null, running_since = null, status_code = i.status_code,
        error_code = i.error_code, error = i.error,
        reason = case when i.next_status = 'canceled' then 'canceled' else e.reason end,
        -- Claimed a moment ahead, it was marked as starting when it is due; now it is known when it really left.
        started_at = case when i.number = 1 then i.started_at else e.started_at end,
        interruptions = e.interruptions + i.interrupted::integer,
        due_at = ${instant(at)} + i.retry_ms * interval '1 millisecond',
        finished_at = case when i.next_status in ('succeeded', 'failed', 'canceled') then ${instant(at)} end
      from input i
      where e.id = i.id and e.status = 'running' and e.worker_id = ${batch.workerId}::uuid and e.attempt_count = i.number
      returning e.id, e.job_id, e.finished_at
    ), closed as (
      delete from scheduler.open_executions o using settled s where o.id = s.id and s.finished_at is not null
    ), recorded as (
      insert into scheduler.attempts (scope_id, execution_id, number, status, error_code, error, status_code,
        started_at, latency_ms, response_headers, response_body, response_truncated)
      select i.scope_id, i.id, i.number, i.status, i.error_code, i.error, i.status_code, i.started_at, i.latency_ms,
        i.response_headers, i.response_body, i.response_truncated
      from input i join settled s on s.id = i.id
    ), healthy as (
      update scheduler.jobs j
      set last_run_at = h.last_run_at, last_status = h.last_status,
        consecutive_failures = case when h.any_success then 0 else j.consecutive_failures end + h.failures,
        state = case when j.state = 'active' and j.next_run_at is null and h.slot_over then 'completed' else j.state end
      from json_to_recordset(${rowsOf(batch.health)}) as h(id uuid, last_run_at timestamptz, last_status text,
        any_success boolean, failures integer, slot_over boolean)
      where j.id = h.id and exists (select 1 from settled s where s.job_id = j.id)
    )
    select id from settled`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** Which of the executions under way somebody wants to end. */
export async function findCanceled(db: Db, ids: string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from scheduler.executions where id = any(${ids}::uuid[]) and cancel_requested_at is not null`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

/** What is due and not planned yet, counted up to 10,000 of a kind, and how long the oldest of it waits. */
export async function countDue(db: Db, at: Date | null): Promise<{ count: number; oldestSeconds: number }> {
  const { rows } = await sql<{ count: number; oldestSeconds: number }>`
    select count(*)::integer as count,
      coalesce(extract(epoch from ${instant(at)} - min(due_at)), 0)::double precision as "oldestSeconds"
    from (
      (select next_run_at as due_at from scheduler.jobs where repeats and next_run_at <= ${instant(at)}
        order by next_run_at limit 10000)
      union all
      (select next_run_at from scheduler.jobs where not repeats and next_run_at <= ${instant(at)}
        order by next_run_at limit 10000)
      union all
      (select due_at from scheduler.executions where due_at <= ${instant(at)} order by due_at limit 10000)
    ) due`.execute(db);
  return rows[0]!;
}
