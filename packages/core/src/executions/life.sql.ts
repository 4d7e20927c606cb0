import type { Assertion, RetryPolicy, Statuses, Trigger } from "@org/scheduler-contract";
import { effective } from "../queues/effective.ts";
import { signal } from "../database/signals.ts";
import { type Session, statement } from "../database/statement.ts";
import { defaultQueue } from "../queues/queue.ts";
import { answerOf, changed, follow, type Followed, hasOpenSlot, whatFollows } from "./over.sql.ts";
import { type EndingSession } from "../rules/tell.ts";

/** An execution that a worker holds, with what it sends. */
export interface StartedExecution {
  /** What time it was by the database's clock when it was claimed, in milliseconds since 1970 with their fraction … */
  clock: number;
  /** … and by `performance.now()` when this process heard of it. */
  toldAt: number;
  trigger: Trigger;
  scope_id: number;
  id: string;
  job_id: string;
  scheduled_for: Date;
  /** Where it was claimed a moment ahead of its time, when that is: a retry must not come sooner than it was asked to. */
  due_at?: Date;
  /** It is not sent later than this. */
  expires_at: Date | null;
  attempt_count: number;
  interruptions: number;
  method: string;
  url: string;
  /** Where the request goes, with its port; the scheduler's share of slots is by host. */
  host: string;
  headers: Record<string, string>;
  /** Those that are masks in `headers`. */
  sealed_headers: Buffer | null;
  body: string | null;
  /** It names secrets. */
  needs_secrets: boolean;
  /** What stands for something in double braces is replaced. */
  fills_templates: boolean;
  /** `body` is a message to an agent. */
  for_agent: boolean;
  follow_redirects: boolean;
  timeout_seconds: number;
  success_statuses: Statuses;
  assertions: Assertion[] | null;
  retry: RetryPolicy;
  callback_url: string | null;
  /** Which versions of its scope's signing secrets and of its secrets it was claimed with. */
  signing_version: number;
  secrets_version: number;
  /** Rules may tell of its end. */
  has_rules: boolean;
  /** When it was written, in milliseconds since 1970. */
  created_ms: number;
}

/** An execution and the attempt at it that a worker has in hand: an earlier one may still be under way. */
export interface Held {
  id: string;
  number: number;
}

/** The columns of a revision, its queue and its scope that an execution is sent with. */
export function request({
  revision: r,
  queue,
  scope,
}: Record<"revision" | "queue" | "scope", string>): string {
  return `${r}.method, ${r}.url, ${r}.host, ${r}.headers, ${r}.sealed_headers, ${r}.body, ${r}.secrets is not null as needs_secrets, ${r}.fills_templates, ${r}.for_agent, ${r}.follow_redirects, ${r}.success_statuses,
    ${r}.assertions, ${effective("timeout_seconds", { revision: r, queue })} as timeout_seconds,
    ${effective("retry", { revision: r, queue })} as retry, ${r}.callback_url, ${scope}.signing_version, ${scope}.secrets_version, ${scope}.has_rules`;
}

/** As a number, which takes less to read than an instant. */
export const createdMs = (createdAt: string): string =>
  `(extract(epoch from ${createdAt}) * 1000)::double precision as created_ms`;

/** Sent as a timestamp it would be cut to whole milliseconds, and requests would leave that much later. */
export const clock = "(extract(epoch from :clock) * 1000)::double precision as clock";

/** Notes when an answer of the database came: its clock stood at `clock` then, nearly, and not once it is used. */
export function stamped<Row extends object>(rows: Row[]): (Row & { toldAt: number })[] {
  const toldAt = performance.now();
  return rows.map((row) => Object.assign(row, { toldAt }));
}

/** The revision of each row, found by its key. "offset 0" keeps PostgreSQL from a join, for which it might read all revisions. */
export const revisionOf = (row: string): string =>
  `lateral (select * from revisions where id = ${row}.revision_id offset 0)`;

/** The executions of `:ids`, each found by its key. */
export const executionsOfIds = `unnest(:ids::uuid[]) given(id)
  cross join lateral (select * from executions where id = given.id offset 0)`;

/**
 * Whether there is a row. Not by "exists": below an "or", PostgreSQL may turn that into a table of all rows to look for one
 * in, however long that is.
 */
export const thereIs = (row: string): string => `(select true ${row} limit 1) is not null`;

/** Whether the queue of an execution says who starts in it. */
export const isInLine = (execution: string): string =>
  `(${thereIs(`from queues q where q.scope_id = ${execution}.scope_id and q.name = ${execution}.queue and q.has_line`)})`;

/** Whether an execution belongs to a replay of many that is canceled. */
const isOfCanceledReplay = (execution: string): string =>
  `(${execution}.replay_id is not null and ${thereIs(`from replays r
      where r.id = ${execution}.replay_id and r.canceled_at is not null`)})`;

/** Whether somebody wants an execution no more; a replay is wanted for its own sake. */
const isUnwanted = (execution: string): string =>
  `(${execution}.cancel_requested_at is not null or ${isOfCanceledReplay(execution)}
    or (${execution}.trigger <> 'replay' and not ${thereIs(`from jobs j
      where j.id = ${execution}.job_id and j.state <> 'canceled' and j.deleted_at is null`)}))`;

/** Why an execution that waits is to end instead of starting. */
export type EndReason = "canceled" | "replay_canceled" | "ttl";

/** Why an execution that waits is to end, null where it is not: its `EndReason`. */
export const endOf = (execution: string): string =>
  `case when ${isUnwanted(execution)} then case when ${isOfCanceledReplay(execution)} then 'replay_canceled' else 'canceled' end
      when ${execution}.expires_at <= :now then 'ttl' end`;

const start = statement<
  { ids: string[]; worker_id: string; has_turn: boolean },
  Omit<StartedExecution, "toldAt">
>(
  "start",
  `with started as (
    update executions e
    set status = 'running', reason = null, due_at = null, line_at = null, worker_id = :worker_id::uuid,
      running_since = :now, attempt_count = e.attempt_count + 1, started_at = coalesce(e.started_at, :now)
    where e.id = any(:ids::uuid[]) and e.status in ('pending', 'retrying')
      and (e.expires_at is null or e.expires_at > :now)
      and (e.line_at is not null or not ${isInLine("e")}) and not ${isUnwanted("e")}
    returning e.scope_id, e.id, e.job_id, e.queue, e.revision_id, e.trigger, e.scheduled_for, e.expires_at, e.created_at,
      e.attempt_count, e.interruptions, :has_turn::boolean or e.queue <> '${defaultQueue}' as counts
  ), counted as (
    update open_executions o set counts_in = s.queue from started s
    where o.id = s.id and o.id = any(:ids::uuid[]) and s.counts
  )
  select ${clock}, s.trigger, s.scope_id, s.id, s.job_id, s.scheduled_for, s.expires_at, ${createdMs("s.created_at")}, s.attempt_count,
    s.interruptions, ${request({ revision: "r", queue: "q", scope: "c" })}
  from started s cross join ${revisionOf("s")} r
  left join queues q on q.scope_id = s.scope_id and q.name = s.queue
  join scopes c on c.id = s.scope_id`,
);

/**
 * Marks executions that are ready as running on a worker and loads what they send. Those that are not wanted any more, or
 * whose time has run out, are left out, and so are those that have to wait for their turn in their queue: `hasTurn` says
 * that they had it.
 */
export async function startExecutions(
  session: Session,
  { ids, workerId, hasTurn = false }: { ids: string[]; workerId: string; hasTurn?: boolean },
): Promise<StartedExecution[]> {
  if (ids.length === 0) return [];
  return stamped(await start(session, { ids, worker_id: workerId, has_turn: hasTurn }));
}

const enqueue = statement<{ ids: string[] }, { id: string }>(
  "line_up",
  `update executions e set line_at = e.due_at, due_at = null, reason = 'queue'
  where e.id = any(:ids::uuid[]) and e.status in ('pending', 'retrying') and e.due_at is not null and ${isInLine("e")}
  returning e.id`,
);

/** Lets executions that are due wait for their turn in the lines of their queues, in the order they were due. */
export async function lineUp(session: Session, ids: string[]): Promise<void> {
  if (ids.length > 0) await enqueue(session, { ids });
}

/** How an execution ends that has nothing under way. */
export interface End {
  id: string;
  status: "canceled" | "expired" | "skipped";
  reason: string;
  error?: string | undefined;
}

export function endFor(id: string, reason: EndReason): End {
  return { id, status: reason === "ttl" ? "expired" : "canceled", reason };
}

type EndValues = { ids: string[]; statuses: string[]; reasons: string[]; errors: (string | null)[] };

const end = statement<EndValues, Followed<"ended">>(
  "end",
  `with input as (
    select * from unnest(:ids::uuid[], :statuses::text[], :reasons::text[], :errors::text[]) as i(id, status, reason, error)
  ), ended as (
    update executions e
    set status = i.status, reason = i.reason, error = coalesce(i.error, e.error), due_at = null, line_at = null,
      finished_at = :now
    from input i
    where e.id = i.id and e.id = any(:ids::uuid[]) and e.status in ('pending', 'retrying')
    returning ${changed({ sentAt: "null::timestamptz", order: "1" })}
  ), ${whatFollows("ended")}
  ${answerOf({ ended: { from: "ended" } })}`,
);

/**
 * Ends executions that wait; answers which of them waited. It waits for their jobs: whoever calls this holds no jobs, or
 * those alone.
 */
export async function endWaiting(session: EndingSession, ends: End[]): Promise<Set<string>> {
  if (ends.length === 0) return new Set();
  const rows = await end(session, {
    ids: ends.map(({ id }) => id),
    statuses: ends.map(({ status }) => status),
    reasons: ends.map(({ reason }) => reason),
    errors: ends.map(({ error }) => error ?? null),
  });
  const { guarded, freed } = await follow(session, rows);
  if (guarded || freed) await signal(session.db, "due");
  return new Set(rows.filter((row) => row.is === "ended").map(({ id }) => id));
}

const bornOver = statement<{ ids: string[] }, Followed<never>>(
  "born_over",
  `with ended as (
    select ${changed({ sentAt: "null::timestamptz", order: "row_number() over (order by e.id)" })}
    from executions e where e.id = any(:ids::uuid[]) and e.finished_at is not null
  ), ${whatFollows("ended")}
  ${answerOf({})}`,
);

/** Lets follow what follows an end, for executions that were over when they were written. */
export async function followBornOver(session: EndingSession, ids: string[]): Promise<void> {
  if (ids.length > 0) await follow(session, await bornOver(session, { ids }));
}

const complete = statement<{ ids: string[] }, { id: string }>(
  "complete",
  `update jobs j set state = 'completed'
  where j.id = any(:ids::uuid[]) and j.state = 'active' and j.next_run_at is null and not ${hasOpenSlot}`,
);

/** Completes jobs to which no slot is left, where none is open either. */
export async function completeSpentJobs(session: Session, ids: string[]): Promise<void> {
  if (ids.length > 0) await complete(session, { ids });
}

/** How many times a worker may be lost under an execution before that counts as the execution's own doing. */
const maxInterruptions = 5;

/** A running execution that is to be taken back, and whether that is for its worker being lost. */
export interface Left extends Held {
  worker_id: string;
  /** Its worker is lost; otherwise nobody is known to be, and it is only suspected. */
  lost: boolean;
}

/** The heartbeat of a worker that the others took for dead. */
export const lost = "-infinity";

type TakeBackValues = { ids: string[]; numbers: number[]; worker_ids: string[]; lost: boolean[] };

const taking = statement<TakeBackValues, Followed<"taken">>(
  "take_back",
  `with lost_workers as (
    select id from workers where heartbeat_at = '${lost}' for share
  ), input as (
    select * from unnest(:ids::uuid[], :numbers::integer[], :worker_ids::uuid[], :lost::boolean[])
      as i(id, number, worker_id, lost)
  ), left_behind as (
    select e.id, e.running_since, e.interruptions < ${maxInterruptions} as goes_on
    from executions e
    where e.id = any(:ids::uuid[]) and e.status = 'running'
      and exists (
        select from input i where i.id = e.id and i.number = e.attempt_count and i.worker_id = e.worker_id
          and (i.worker_id in (select id from lost_workers) or not i.lost))
    for update of e skip locked
  ), taken as (
    update executions e
    set status = case when l.goes_on then 'retrying' else 'failed' end, due_at = case when l.goes_on then :now end,
      finished_at = case when not l.goes_on then :now end, worker_id = null, running_since = null,
      interruptions = e.interruptions + 1, error_code = 'worker_lost',
      error = 'The worker that held this execution stopped answering.'
    from left_behind l where e.id = l.id and e.id = any(:ids::uuid[])
    returning ${changed({ sentAt: "null::timestamptz", order: "1" })}, l.running_since, e.attempt_count
  ), recorded as (
    insert into attempts (scope_id, execution_id, number, status, error_code, error, started_at, latency_ms,
      response_truncated)
    select scope_id, id, attempt_count, 'interrupted', 'worker_lost',
      'The worker was lost before an answer was recorded.', running_since, 0, false
    from taken
    on conflict do nothing
  ), ${whatFollows("taken")}
  ${answerOf({ taken: { from: "taken", number: "attempt_count" } })}`,
);

/**
 * Takes running executions back: the cut attempt is recorded as `interrupted` and the execution is due again at once.
 * Answers which. A worker that comes back joins only when this is over, and learns that it was lost.
 */
export async function takeBack(session: EndingSession, left: Left[]): Promise<Held[]> {
  const rows = await taking(session, {
    ids: left.map(({ id }) => id),
    numbers: left.map(({ number }) => number),
    worker_ids: left.map((one) => one.worker_id),
    lost: left.map((one) => one.lost),
  });
  await follow(session, rows);
  const taken = rows.filter((row) => row.is === "taken");
  // They are due again, and others may go on in their place.
  if (taken.length > 0) await signal(session.db, "due");
  return taken.map(({ id, number }) => ({ id, number: number! }));
}

const waitingOf = statement<{ id: string; scope_id: number }, { id: string }>(
  "waiting_execution",
  `select e.id from executions e
  where e.id = :id::uuid and e.scope_id = :scope_id::integer and e.status in ('pending', 'retrying') for update`,
);

/** Ends an execution that waits because somebody cancels it. Answers false where it was not waiting (any more). */
export async function cancelWaiting(
  session: EndingSession,
  of: { id: string; scope_id: number },
): Promise<boolean> {
  const waiting = await waitingOf(session, of);
  return (
    (
      await endWaiting(
        session,
        waiting.map(({ id }) => endFor(id, "canceled")),
      )
    ).size > 0
  );
}
