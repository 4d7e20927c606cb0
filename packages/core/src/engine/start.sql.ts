import type { Assertion, RetryPolicy, Statuses, Trigger } from "@org/scheduler-contract";
import { makeCallbacks } from "../database/callbacks.ts";
import { effective } from "../database/effective.ts";
import { giveBack, tellJobs } from "../database/ended-jobs.ts";
import { statement } from "../database/statement.ts";
import type { Db, Tx } from "../database/tables.ts";
import { defaultQueue } from "../queues/queue.ts";
import { shareInSql } from "./shares.ts";

/** An execution that this worker holds, with what it sends. */
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
  body: string | null;
  follow_redirects: boolean;
  timeout_seconds: number;
  success_statuses: Statuses;
  assertions: Assertion[] | null;
  retry: RetryPolicy;
  callback_url: string | null;
  /** Which version of its scope's signing secrets it was claimed with. */
  signing_version: number;
}

/** The columns of a revision `r`, its queue `q` and its scope `c` that an execution is sent with. */
export const request = `r.method, r.url, r.host, r.headers, r.body, r.follow_redirects, r.success_statuses, r.assertions,
  ${effective("timeout_seconds", { revision: "r", queue: "q" })} as timeout_seconds,
  ${effective("retry", { revision: "r", queue: "q" })} as retry, r.callback_url,
  c.signing_version`;

/** Sent as a timestamp it would be cut to whole milliseconds, and requests would leave that much later. */
export const clock =
  "(extract(epoch from coalesce($1::timestamptz, clock_timestamp())) * 1000)::double precision as clock";

/** Notes when an answer of the database came: its clock stood at `clock` then, nearly, and not once it is used. */
export function stamped<Row extends object>(rows: Row[]): (Row & { toldAt: number })[] {
  const toldAt = performance.now();
  return rows.map((row) => Object.assign(row, { toldAt }));
}

/** An execution whose time to wait is over: a retry, a delayed or a manual run, a replay. */
export interface WaitingExecution {
  scope_id: number;
  id: string;
  host: string;
  due_at: Date;
  /** Canceled: while it was under way, or with its job. It waits on: for its turn in its queue. */
  fate: "starts" | "waits" | "canceled" | "expired";
}

/** Whether the queue of an execution `e` says who starts in it. */
const isLaned = `exists (
        select 1 from scheduler.queues q where q.scope_id = e.scope_id and q.name = e.queue and q.laned)`;

/** Whether an execution `e` belongs to a replay of many that is canceled. */
const isOfCanceledReplay = `(e.replay_id is not null and exists (
        select 1 from scheduler.replays r where r.id = e.replay_id and r.canceled_at is not null))`;

/** Whether somebody wants an execution `e` no more; a replay is wanted for its own sake. */
export const isUnwanted = `(e.cancel_requested_at is not null or ${isOfCanceledReplay} or (e.trigger <> 'replay' and not exists (
        select 1 from scheduler.jobs j where j.id = e.job_id and j.state <> 'canceled' and j.deleted_at is null)))`;

const waiting = statement<WaitingExecution>(
  "waiting",
  `select e.scope_id, e.id, r.host, e.due_at, case
      when ${isUnwanted} then 'canceled'
      when e.expires_at <= coalesce($1::timestamptz, now()) then 'expired'
      when ${isLaned} then 'waits'
      else 'starts' end as fate
  from scheduler.executions e join scheduler.revisions r on r.id = e.revision_id
  where e.due_at <= coalesce($1::timestamptz, now()) + $2::integer * interval '1 millisecond'
    and ${shareInSql("e", "r.host")} <> all($4::text[])
    and (e.expires_at <= coalesce($1::timestamptz, now()) or not (e.queued and exists (
      select 1 from scheduler.open_executions o join scheduler.executions p on p.id = o.id
      where o.job_id = e.job_id and o.id <> e.id and (o.id < e.id or not p.queued))))
  order by e.due_at desc limit $3::integer
  for update of e skip locked`,
);

/** Claims executions that waited for their time, the freshest first, none of them of a share in `full`. */
export function claimWaiting(
  tx: Tx,
  { limit, leadMs, full }: { limit: number; leadMs: number; full: string[] },
  at: Date | null,
): Promise<WaitingExecution[]> {
  return waiting(tx, [at, leadMs, limit, full]);
}

const end = statement<{ id: string }>(
  "end",
  `with ended as (
    update scheduler.executions e
    set due_at = null, lane_at = null, status = $3::text, finished_at = coalesce($1::timestamptz, now()),
      reason = case when $3 <> 'canceled' then 'ttl' when ${isOfCanceledReplay} then 'replay_canceled' else 'canceled' end
    where id = any($2::uuid[]) and status in ('pending', 'retrying')
      and ($3 = 'canceled' or expires_at <= coalesce($1::timestamptz, now()))
    returning id, scope_id, job_id, revision_id, trigger, status, finished_at, reason, replay_of, created_at
  ), given_back as (
    ${giveBack("ended")}
  ), called as (
    ${makeCallbacks("ended")}
  ), told as (
    ${tellJobs("ended")}
  )
  delete from scheduler.open_executions o using ended where o.id = ended.id`,
);

/** Ends executions that are not wanted any more, or whose time has run out. */
export async function endWaiting(
  tx: Tx,
  { ids, fate }: { ids: string[]; fate: "canceled" | "expired" },
  at: Date | null,
): Promise<void> {
  await end(tx, [at, ids, fate]);
}

/** Ends those of claimed executions that are not to start; answers how many. */
export async function endUnstarted(
  tx: Tx,
  claimed: { id: string; fate: WaitingExecution["fate"] }[],
  at: Date | null,
): Promise<number> {
  let ended = 0;
  for (const fate of ["canceled", "expired"] as const) {
    const ids = claimed.filter((execution) => execution.fate === fate).map(({ id }) => id);
    if (ids.length > 0) await endWaiting(tx, { ids, fate }, at);
    ended += ids.length;
  }
  return ended;
}

const start = statement<Omit<StartedExecution, "toldAt">>(
  "start",
  `with started as (
    update scheduler.executions e
    set status = 'running', reason = null, due_at = null, lane_at = null, worker_id = $3::uuid, running_since = coalesce($1::timestamptz, now()),
      attempt_count = e.attempt_count + 1, started_at = coalesce(e.started_at, $1::timestamptz, now())
    where e.id = any($2::uuid[]) and e.status in ('pending', 'retrying')
      and (e.expires_at is null or e.expires_at > coalesce($1::timestamptz, now()))
      and (e.lane_at is not null or not ${isLaned}) and not ${isUnwanted}
    returning e.scope_id, e.id, e.job_id, e.queue, e.revision_id, e.trigger, e.scheduled_for, e.expires_at, e.attempt_count,
      e.interruptions, $4::boolean or e.queue <> '${defaultQueue}' as counts
  ), counted as (
    update scheduler.open_executions o set queue = s.queue from started s where o.id = s.id and s.counts
  )
  select ${clock}, s.trigger, s.scope_id, s.id, s.job_id,
    s.scheduled_for, s.expires_at, s.attempt_count, s.interruptions, ${request}
  from started s join scheduler.revisions r on r.id = s.revision_id
  left join scheduler.queues q on q.scope_id = s.scope_id and q.name = s.queue
  join scheduler.scopes c on c.id = s.scope_id`,
);

/**
 * Marks executions that are ready as running on this worker and loads what they send. What somebody canceled since
 * it got its ticket is left out, and so is what has run out of its time, and what has to wait for its turn in its
 * queue: `inLane` says that it had it.
 */
export async function startExecutions(
  tx: Tx,
  { ids, workerId, inLane = false }: { ids: string[]; workerId: string; inLane?: boolean },
  at: Date | null,
): Promise<StartedExecution[]> {
  return stamped(await start(tx, [at, ids, workerId, inLane]));
}

const enqueue = statement<{ id: string }>(
  "line_up",
  `update scheduler.executions e
  set lane_at = case when ${isLaned} then coalesce(e.due_at, e.scheduled_for) end,
    due_at = case when not ${isLaned} then coalesce(e.due_at, $1::timestamptz, now()) end,
    reason = case when ${isLaned} then 'queue' else e.reason end
  where e.id = any($2::uuid[]) and e.status in ('pending', 'retrying') and e.lane_at is null
  returning e.id`,
);

/**
 * Lets executions that are due wait for their turn in their queues, in the order they were due. Those whose queue has
 * just been opened to all are due again: they have no ticket any more.
 */
export async function lineUp(tx: Tx, ids: string[], at: Date | null): Promise<void> {
  await enqueue(tx, [at, ids]);
}

const canceled = statement<{ id: string }>(
  "canceled",
  `select id from scheduler.executions where id = any($1::uuid[]) and cancel_requested_at is not null`,
);

/** Which of the executions under way somebody wants to end. */
export async function findCanceled(db: Db, ids: string[]): Promise<string[]> {
  return (await canceled(db, [ids])).map(({ id }) => id);
}
