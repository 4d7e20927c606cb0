import type { AttemptErrorCode, AttemptStatus, ExecutionStatus } from "@org/scheduler-contract";
import { type Session, statement } from "../database/statement.ts";
import {
  answerOf,
  changed,
  follow,
  type Followed,
  type MadeRoom,
  whatFollows,
} from "../executions/over.sql.ts";
import { type EndingSession } from "../rules/tell.ts";
import type { AnswerHeaders, RedirectTarget } from "../sending/answer.ts";

/** What an agent says that its work took. */
export interface Report {
  context_used: number | null;
  cost: number | null;
}

export interface SettledAttempt {
  id: string;
  number: number;
  /** What the execution becomes. */
  next_status: ExecutionStatus;
  /** Until the next attempt, counted by the database's clock; null when there is none. */
  retry_ms: number | null;
  interrupted: boolean;
  /** The target wants no further attempt. */
  terminal: boolean;
  /** Somebody is told when the execution is over. */
  calls_back: boolean;
  /** Rules may tell of its end. */
  may_be_told: boolean;
  status: AttemptStatus;
  error_code: AttemptErrorCode | null;
  error: string | null;
  status_code: number | null;
  started_at: Date;
  latency_ms: number;
  response_headers: AnswerHeaders | null;
  response_body: string | null;
  response_encoding: "base64" | null;
  response_truncated: boolean;
  redirected_to: RedirectTarget | null;
  /** Of an agent. */
  report: Report | null;
}

/** Which execution `e` an outcome `i` is for, and how its attempt is put on record. */
interface Way {
  which: string;
  record: string;
  /** The CTEs whose rows it answers. */
  answers: Parameters<typeof answerOf>[0];
}

const attemptColumns = `number, attempt_status, error_code, error, status_code, started_at, latency_ms, response_headers,
  response_body, response_truncated, response_encoding, redirected_to`;

/** The execution is what this worker still holds: same worker, same attempt. */
const held: Way = {
  which: "e.status = i.held and e.worker_id = i.worker_id and e.attempt_count = i.number",
  record: `select scope_id, id, ${attemptColumns} from settled`,
  answers: { settled: { from: "settled" } },
};

/**
 * The execution was taken back, since its worker was taken for lost, and nobody has recorded an answer to that attempt.
 * The outcome counts where nobody has begun anew, and a success where whoever has begun need not go on. The attempt is
 * put on record in any case.
 */
const takenBack: Way = {
  which: `e.status in ('pending', 'retrying', 'running')
      and (e.worker_id is distinct from :worker_id::uuid or e.attempt_count > i.number) and not i.interrupted
      and (i.next_status = 'succeeded' or (e.status = 'retrying' and e.attempt_count = i.number))
      and (select a.status from attempts a where a.execution_id = i.id and a.number = i.number)
        is not distinct from 'interrupted'`,
  record: `select e.scope_id, i.id, ${attemptColumns}
    from input i join lateral (
      select scope_id from executions where id = i.id and attempt_count >= i.number offset 0
    ) e on true
    on conflict (execution_id, number) do update
    set status = excluded.status, error_code = excluded.error_code, error = excluded.error,
      status_code = excluded.status_code, started_at = excluded.started_at, latency_ms = excluded.latency_ms,
      response_headers = excluded.response_headers, response_body = excluded.response_body,
      response_truncated = excluded.response_truncated, response_encoding = excluded.response_encoding,
      redirected_to = excluded.redirected_to
    where attempts.status = 'interrupted' and excluded.status <> 'interrupted'
    returning execution_id as id`,
  answers: { settled: { from: "settled" }, recorded: { from: "recorded" } },
};

type Row = Followed<"settled" | "recorded">;

/** One array for each column: of JSON, PostgreSQL expects a hundred rows, and reads whole tables for them. */
interface Columns {
  worker_id: string;
  calling: string[];
  ids: string[];
  numbers: number[];
  next_statuses: string[];
  retry_ms: (number | null)[];
  interrupted: boolean[];
  terminal: boolean[];
  statuses: string[];
  error_codes: (string | null)[];
  errors: (string | null)[];
  status_codes: (number | null)[];
  started_at: string[];
  latency_ms: number[];
  headers: (string | null)[];
  bodies: (string | null)[];
  truncated: boolean[];
  encodings: (string | null)[];
  redirected_to: (string | null)[];
}

const writer = (name: string, { which, record, answers }: Way) =>
  statement<Columns, Row>(
    name,
    // What is held is compared as part of the join: as conditions of the execution alone, they would make PostgreSQL expect
    // a single one, and go through the whole input for each.
    `with input as materialized (
    select 'running' as held, :worker_id::uuid as worker_id, id, number, next_status, retry_ms, interrupted, terminal, attempt_status, error_code, error, status_code,
      started_at, latency_ms, headers::json as response_headers, response_body, response_truncated, response_encoding,
      redirected_to::json as redirected_to, n
    from unnest(:ids::uuid[], :numbers::integer[], :next_statuses::text[], :retry_ms::double precision[],
      :interrupted::boolean[], :terminal::boolean[], :statuses::text[], :error_codes::text[], :errors::text[],
      :status_codes::integer[], :started_at::timestamptz[], :latency_ms::double precision[], :headers::text[],
      :bodies::text[], :truncated::boolean[], :encodings::text[], :redirected_to::text[])
      with ordinality as i(id, number, next_status, retry_ms, interrupted, terminal, attempt_status, error_code, error,
        status_code, started_at, latency_ms, headers, response_body, response_truncated, response_encoding, redirected_to, n)
  ), settled as (
    update executions e
    set status = i.next_status, worker_id = null, running_since = null, status_code = i.status_code,
      error_code = i.error_code, error = i.error,
      reason = case i.next_status
        when 'canceled' then coalesce(e.reason, 'canceled') when 'expired' then 'ttl'
        when 'failed' then case when i.terminal then 'terminal' else e.reason end else e.reason end,
      -- Claimed a moment ahead, it was marked as starting when it is due; now it is known when it really left.
      started_at = case when i.number = 1 then i.started_at else e.started_at end,
      interruptions = e.interruptions + case when e.status = 'running' then i.interrupted::integer else -1 end,
      line_at = null, due_at = :now + i.retry_ms * interval '1 millisecond',
      finished_at = case when i.next_status in ('succeeded', 'failed', 'canceled', 'expired') then :now end
    from input i
    where e.id = i.id and e.id = any(:ids::uuid[]) and ${which}
    returning ${changed({ sentAt: "i.started_at", order: "i.n" })}, i.number, i.attempt_status, i.error_code, i.error,
      i.status_code, i.started_at, i.latency_ms, i.response_headers, i.response_body, i.response_truncated,
      i.response_encoding, i.redirected_to
  ), recorded as (
    insert into attempts (scope_id, execution_id, number, status, error_code, error, status_code, started_at, latency_ms,
      response_headers, response_body, response_truncated, response_encoding, redirected_to)
    ${record}
  ), ${whatFollows("settled", { callers: "id = any(:calling::uuid[])" })}
  ${answerOf(answers)}`,
  );

const writeHeld = writer("settle", held);
const writeTakenBack = writer("settle_late", takenBack);

interface Batch {
  attempts: SettledAttempt[];
  workerId: string;
}

/**
 * Writes outcomes in one statement: the attempt, the execution's next state, the job's health. Only what this worker
 * still holds is touched: a worker that was taken for dead and comes back must not overwrite what another has done
 * since. Answers which executions were settled.
 */
export async function settleAttempts(
  session: EndingSession,
  batch: Batch,
): Promise<MadeRoom & { ids: Set<string> }> {
  const rows = await writeHeld(session, columnsOf(batch));
  return { ...(await follow(session, rows)), ids: idsOf(rows, "settled") };
}

/**
 * Writes outcomes of executions that are this worker's no more. The first answer counts, however late: it is of a request
 * that was sent. Answers which executions were settled by that, and of which only the attempt is on record.
 */
export async function settleLate(
  session: EndingSession,
  batch: Batch,
): Promise<MadeRoom & { ids: Set<string>; recorded: Set<string> }> {
  const rows = await writeTakenBack(session, columnsOf(batch));
  return {
    ...(await follow(session, rows)),
    ids: idsOf(rows, "settled"),
    recorded: idsOf(rows, "recorded"),
  };
}

function columnsOf({ attempts, workerId }: Batch): Columns {
  return {
    worker_id: workerId,
    calling: attempts.filter((attempt) => attempt.calls_back).map(({ id }) => id),
    ids: attempts.map(({ id }) => id),
    numbers: attempts.map(({ number }) => number),
    next_statuses: attempts.map((attempt) => attempt.next_status),
    retry_ms: attempts.map((attempt) => attempt.retry_ms),
    interrupted: attempts.map(({ interrupted }) => interrupted),
    terminal: attempts.map(({ terminal }) => terminal),
    statuses: attempts.map(({ status }) => status),
    error_codes: attempts.map((attempt) => attempt.error_code),
    errors: attempts.map(({ error }) => error),
    status_codes: attempts.map((attempt) => attempt.status_code),
    started_at: attempts.map((attempt) => attempt.started_at.toISOString()),
    latency_ms: attempts.map((attempt) => attempt.latency_ms),
    headers: attempts.map(({ response_headers: headers }) => headers && JSON.stringify(headers)),
    bodies: attempts.map((attempt) => attempt.response_body),
    truncated: attempts.map((attempt) => attempt.response_truncated),
    encodings: attempts.map((attempt) => attempt.response_encoding),
    redirected_to: attempts.map(({ redirected_to: target }) => target && JSON.stringify(target)),
  };
}

function idsOf(rows: Row[], is: Row["is"]): Set<string> {
  return new Set(rows.filter((row) => row.is === is).map(({ id }) => id));
}

const report = statement<
  { ids: string[]; contexts: (number | null)[]; costs: (number | null)[] },
  { id: string }
>(
  "note_reports",
  `update executions e set context_used = i.context_used, cost = i.cost
  from unnest(:ids::uuid[], :contexts::double precision[], :costs::double precision[]) as i(id, context_used, cost)
  where e.id = i.id and e.id = any(:ids::uuid[])`,
);

/** Notes what agents reported with their answers; of several attempts, what the last said. */
export async function noteReports(session: Session, attempts: SettledAttempt[]): Promise<void> {
  const reports = attempts.filter((attempt) => attempt.report !== null);
  if (reports.length === 0) return;
  await report(session, {
    ids: reports.map(({ id }) => id),
    contexts: reports.map((attempt) => attempt.report!.context_used),
    costs: reports.map((attempt) => attempt.report!.cost),
  });
}
