import type { ExecutionStatus } from "@org/scheduler-contract";
import { makeCallbacks } from "../database/callbacks.ts";

/** How far back among the executions of a job its slots are looked for that are not over; its history may be long. */
const lookBack = 100;

/**
 * The columns of an execution `e` that are returned where it ends or changes, so that `whatFollows` can tell of it.
 * `sentAt` is when a request of it left that is over now, and `order` says in which order those of a job came to their end.
 */
export function changed({ sentAt, order }: { sentAt: string; order: string }): string {
  return `e.id, e.scope_id, e.job_id, e.revision_id, e.trigger, e.status, e.reason, e.replay_of, e.created_at, e.finished_at,
    ${sentAt} as sent_at, ${order} as n`;
}

/**
 * All that follows where executions end, as CTEs of the statement that ends them: whoever is to be told is told, the job
 * learns of it, and what they held is free. `ended` names the CTE that returns them, with the columns of `changed`; those
 * in it that are not over have only come to the end of an attempt. `callers` is a condition that holds for all of them
 * whose end somebody is told of, where that is known beforehand. What was released is in `closed` and `freed`.
 */
export function whatFollows(ended: string, { callers = "true" }: { callers?: string } = {}): string {
  return `called as (
    ${makeCallbacks(`(select * from ${ended} where finished_at is not null and status <> 'skipped' and ${callers})`)}
  ), told as (
    ${tellJobs(ended)}
  ), given_back as (
    -- The original of what a canceled replay has not sent can be replayed again, unless somebody has done so since.
    update executions o set replayed_at = null
    from ${ended} r where r.reason = 'replay_canceled' and o.id = r.replay_of and o.replayed_at = r.created_at
      and o.id = any(array(select replay_of from ${ended} where reason = 'replay_canceled'))
  ), closed as (
    delete from open_executions o using ${ended} e
    where o.id = e.id and e.finished_at is not null and o.id = any(array(select id from ${ended}))
    returning o.id, o.job_id, o.queue
  ), freed as (
    -- It takes up no place in its queue while it waits for its next attempt.
    update open_executions o set queue = null from ${ended} e
    where o.id = e.id and e.finished_at is null and o.queue is not null and o.id = any(array(select id from ${ended}))
    returning o.id
  )`;
}

/** What was released, and for whom: executions of the same jobs, or of the same queues. Read by `roomIn`. */
export const released = `select id, 'over' as is, job_id is not null as guarded, queue is not null as freed
    from closed where job_id is not null or queue is not null
  union all
  select id, 'over', false, true from freed`;

export type Released = { id: string; is: "over"; guarded: boolean; freed: boolean };

/** For whom an end has made room: executions that wait for those of the same jobs, or of the same queues. */
export interface MadeRoom {
  guarded: boolean;
  freed: boolean;
}

export function roomIn(rows: { is: string; guarded: boolean; freed: boolean }[]): MadeRoom {
  const over = rows.filter((row) => row.is === "over");
  return { guarded: over.some(({ guarded }) => guarded), freed: over.some(({ freed }) => freed) };
}

const failures = ["failed", "expired"] satisfies ExecutionStatus[];
const failed = `status in (${failures.map((status) => `'${status}'`).join(", ")})`;

/**
 * The rule for the job, whoever ends its executions: `failed` and `expired` count as failures, `succeeded` ends the count,
 * and nothing else changes the count or the last status. A job completes when its last slot is over, whatever became of
 * it. Replays are about the past and change nothing.
 */
function tellJobs(ended: string): string {
  // In the order of job ids: every worker locks jobs in that order, so that no two wait for each other.
  return `update jobs j
    set last_run_at = coalesce(h.sent_at, j.last_run_at), last_status = coalesce(h.last_status, j.last_status),
      consecutive_failures = case when h.succeeded then 0 else j.consecutive_failures end + h.failures,
      state = case when j.state = 'active' and j.next_run_at is null and h.slot_over and ${isSpent(ended)}
        then 'completed' else j.state end
    from (
      select job_id, max(sent_at) as sent_at, bool_or(status = 'succeeded') as succeeded,
        (count(*) filter (where ${failed} and n > coalesce(success, 0)))::integer as failures,
        (array_agg(status order by n desc) filter (where ${failed} or status = 'succeeded'))[1] as last_status,
        bool_or(trigger = 'schedule' and finished_at is not null) as slot_over
      from (
        select job_id, trigger, status, finished_at, sent_at, n,
          max(n) filter (where status = 'succeeded') over (partition by job_id) as success
        from ${ended} where trigger <> 'replay'
      ) e
      group by job_id order by job_id
    ) h
    where j.id = h.job_id and j.id = any(array(select job_id from ${ended}))`;
}

/**
 * Whether no slot of a job `j` is open but those that end here; one that is run once has only one. Two statements that
 * end the last two slots at the same moment do not see each other: the reconciler completes such a job.
 */
function isSpent(ended: string): string {
  return `((not j.repeats and j.run_count <= 1) or not exists (
      select from (${newest}) x where ${isOpenSlot} and x.id <> all(array(select id from ${ended}))))`;
}

const newest = `select x.id, x.trigger, x.finished_at from executions x where x.job_id = j.id order by x.id desc limit ${lookBack}`;
const isOpenSlot = "x.trigger = 'schedule' and x.finished_at is null";

/** Whether a slot of a job `j` is open. */
export const hasOpenSlot = `exists (select from (${newest}) x where ${isOpenSlot})`;
