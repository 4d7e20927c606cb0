import type { AttemptErrorCode, AttemptStatus, ExecutionStatus, Trigger } from "@org/scheduler-contract";
import { makeCallbacks } from "../database/callbacks.ts";
import { statement } from "../database/statement.ts";
import type { Db } from "../database/tables.ts";

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
  /** The target wants no further attempt. */
  terminal: boolean;
  /** Somebody is told when the execution is over. */
  calls_back?: true | undefined;
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

/** Which execution `e` an outcome `i` is for, and how its attempt is put on record. */
interface Way {
  which: string;
  record: string;
  /** Tells which attempts were put on record. */
  tell?: string;
}

/** The execution is what this worker still holds: same worker, same attempt. */
const held: Way = {
  which: "e.status = 'running' and e.worker_id = $4::uuid and e.attempt_count = i.number",
  record: "from input i join settled s on s.id = i.id",
};

/**
 * The execution was taken back, since its worker was taken for lost, and nobody has recorded an answer to that attempt.
 * The outcome counts where nobody has begun anew, and a success where whoever has begun need not go on. The attempt is
 * put on record in any case.
 */
const takenBack: Way = {
  which: `e.status in ('pending', 'retrying', 'running') and (e.worker_id is distinct from $4::uuid or e.attempt_count > i.number)
      and not i.interrupted
      and (i.next_status = 'succeeded' or (e.status = 'retrying' and e.attempt_count = i.number))
      and (select a.status from scheduler.attempts a where a.execution_id = i.id and a.number = i.number)
        is not distinct from 'interrupted'`,
  record: `from input i join lateral (
      select id from scheduler.executions where id = i.id and attempt_count >= i.number offset 0
    ) e on true
    on conflict (execution_id, number) do update
    set status = excluded.status, error_code = excluded.error_code, error = excluded.error,
      status_code = excluded.status_code, started_at = excluded.started_at, latency_ms = excluded.latency_ms,
      response_headers = excluded.response_headers, response_body = excluded.response_body,
      response_truncated = excluded.response_truncated
    where attempts.status = 'interrupted' and excluded.status <> 'interrupted'`,
  tell: "union all select id, 'recorded', false, false from recorded",
};

type Row =
  { id: string; is: "settled" | "recorded" } | { id: string; is: "over"; guarded: boolean; freed: boolean };

const writer = (name: string, { which, record, tell = "" }: Way) =>
  statement<Row>(
    name,
    `with input as (
    select * from json_to_recordset($2::json) as x(
      scope_id integer, id uuid, number integer, next_status text, retry_ms double precision, interrupted boolean, terminal boolean,
      status text, error_code text, error text, status_code integer, started_at timestamptz,
      latency_ms double precision, response_headers json, response_body text, response_truncated boolean)
  ), settled as (
    update scheduler.executions e
    set status = i.next_status, worker_id = null, running_since = null, status_code = i.status_code,
      error_code = i.error_code, error = i.error,
      reason = case i.next_status
        when 'canceled' then coalesce(e.reason, 'canceled') when 'expired' then 'ttl'
        when 'failed' then case when i.terminal then 'terminal' else e.reason end else e.reason end,
      -- Claimed a moment ahead, it was marked as starting when it is due; now it is known when it really left.
      started_at = case when i.number = 1 then i.started_at else e.started_at end,
      interruptions = e.interruptions + case when e.status = 'running' then i.interrupted::integer else -1 end,
      lane_at = null, due_at = coalesce($1::timestamptz, now()) + i.retry_ms * interval '1 millisecond',
      finished_at = case when i.next_status in ('succeeded', 'failed', 'canceled', 'expired') then coalesce($1::timestamptz, now()) end
    from input i
    where e.id = i.id and ${which}
    returning e.id, e.scope_id, e.job_id, e.revision_id, e.finished_at
  ), called as (
    ${makeCallbacks("(select * from settled where finished_at is not null and id = any($5::uuid[]))")}
  ), closed as (
    delete from scheduler.open_executions o using settled s where o.id = s.id and s.finished_at is not null
    returning o.id, o.job_id, o.queue
  ), freed as (
    -- It takes up no place in its queue while it waits for its next attempt.
    update scheduler.open_executions o set queue = null
    from settled s where o.id = s.id and s.finished_at is null and o.queue is not null
    returning o.id
  ), recorded as (
    insert into scheduler.attempts (scope_id, execution_id, number, status, error_code, error, status_code,
      started_at, latency_ms, response_headers, response_body, response_truncated)
    select i.scope_id, i.id, i.number, i.status, i.error_code, i.error, i.status_code, i.started_at, i.latency_ms,
      i.response_headers, i.response_body, i.response_truncated
    ${record}
    ${tell && "returning execution_id as id"}
  ), healthy as (
    update scheduler.jobs j
    set last_run_at = h.last_run_at, last_status = h.last_status,
      consecutive_failures = case when h.any_success then 0 else j.consecutive_failures end + h.failures,
      state = case when j.state = 'active' and j.next_run_at is null and h.slot_over then 'completed' else j.state end
    from json_to_recordset($3::json) as h(id uuid, last_run_at timestamptz, last_status text,
      any_success boolean, failures integer, slot_over boolean)
    where j.id = h.id and exists (select 1 from settled s where s.job_id = j.id)
  )
  -- Not joined: PostgreSQL takes each of them for a single row, and would compare each with each.
  select id, 'settled' as is, false as guarded, false as freed from settled
  union all
  select id, 'over', job_id is not null, queue is not null from closed where job_id is not null or queue is not null
  union all
  select id, 'over', false, true from freed
  ${tell}`,
  );

const writeHeld = writer("settle", held);
const writeTakenBack = writer("settle_late", takenBack);

/** For whom a batch may have made room: executions of the same jobs, or of the same queues. */
export interface MadeRoom {
  guarded: boolean;
  freed: boolean;
}

interface Batch {
  attempts: SettledAttempt[];
  health: JobHealth[];
  workerId: string;
}

/**
 * Writes outcomes in one statement: the attempt, the execution's next state, the job's health. Only what this worker
 * still holds is touched: a worker that was taken for dead and comes back must not overwrite what another has done
 * since. Answers which executions were settled.
 */
export async function settleAttempts(
  db: Db,
  batch: Batch,
  at: Date | null,
): Promise<MadeRoom & { ids: Set<string> }> {
  const rows = await writeHeld(db, valuesOf(batch, at));
  return { ...roomIn(rows), ids: idsOf(rows, "settled") };
}

/**
 * Writes outcomes of executions that are this worker's no more. The first answer counts, however late: it is of a request
 * that was sent. Answers which executions were settled by that, and of which only the attempt is on record.
 */
export async function settleLate(
  db: Db,
  batch: Batch,
  at: Date | null,
): Promise<MadeRoom & { ids: Set<string>; recorded: Set<string> }> {
  const rows = await writeTakenBack(db, valuesOf(batch, at));
  return { ...roomIn(rows), ids: idsOf(rows, "settled"), recorded: idsOf(rows, "recorded") };
}

function valuesOf({ attempts, health, workerId }: Batch, at: Date | null): unknown[] {
  const calling = attempts.filter((attempt) => attempt.calls_back).map(({ id }) => id);
  return [at, JSON.stringify(attempts), JSON.stringify(health), workerId, calling];
}

function idsOf(rows: Row[], is: Row["is"]): Set<string> {
  return new Set(rows.filter((row) => row.is === is).map(({ id }) => id));
}

function roomIn(rows: Row[]): MadeRoom {
  const over = rows.filter((row) => row.is === "over");
  return { guarded: over.some(({ guarded }) => guarded), freed: over.some(({ freed }) => freed) };
}
