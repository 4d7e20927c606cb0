import { MAX, NIL } from "uuid";
import type { ExecutionStatus } from "@org/scheduler-contract";
import { makeCallbacks } from "./callbacks.sql.ts";
import { notifyOfEnds } from "../rules/notify.ts";
import { hasAlert, mayBeTold } from "../rules/rules.sql.ts";
import { type EndingSession, tell } from "../rules/tell.ts";

/** How far back among the executions of a job its slots are looked for that are not over; its history may be long. */
const lookBack = 100;

/**
 * The columns of an execution `e` that are returned where it ends or changes, so that `whatFollows` can tell of it.
 * `sentAt` is when a request of it left that is over now, and `order` says in which order those of a job came to their end.
 */
export function changed({ sentAt, order }: { sentAt: string; order: string }): string {
  return `e.id, e.scope_id, e.job_id, e.queue, e.revision_id, e.trigger, e.status, e.reason, e.replay_of, e.created_at, e.finished_at,
    ${sentAt} as sent_at, ${order} as n`;
}

/** A row of what a statement answers that ends executions: one of its own, or one of what follows. */
export interface Followed<Own extends string> {
  id: string;
  is: Own | "over" | "told" | "ruled";
  /** Of the attempt, in rows of its own; its place among the ends of its job, where a rule may tell of it. */
  number: number | null;
  guarded: boolean;
  freed: boolean;
  /** Of the delivery, where somebody is told. */
  scope_id: number | null;
  share: string | null;
  due_at: Date | null;
}

/**
 * All that follows where executions end, as CTEs of the statement that ends them: whoever is to be told is told, the job
 * learns of it, and what they held is free. `ended` names the CTE that returns them, with the columns of `changed`; those
 * in it that are not over have only come to the end of an attempt. `callers` is a condition that holds for all of them
 * whose end somebody is told of, where that is known beforehand.
 */
export function whatFollows(ended: string, { callers = "true" }: { callers?: string } = {}): string {
  return `called as (
    ${makeCallbacks(`(select * from ${ended} where finished_at is not null and status <> 'skipped' and ${callers})`)}
  ), told as (
    ${tellJobs(ended)}
  ), ruled as (
    select id, n from (
      select *, bool_or(${failed}) over (partition by job_id) as fails from ${ended}
      -- Asked once for all of them: nearly nobody has rules.
      where (select bool_or(has_rules) from scopes where id = any(array(select scope_id from ${ended})))
        and finished_at is not null and status <> 'skipped'
    ) e
    where ${mayBeTold("e", { alerted: "select id from told where was_alerted" })}
  ), given_back as (
    -- The original of what a canceled replay has not sent can be replayed again, unless somebody has done so since.
    update executions o set replayed_at = null
    from ${ended} r where r.reason = 'replay_canceled' and o.id = r.replay_of and o.replayed_at = r.created_at
      and o.id = any(array(select replay_of from ${ended} where reason = 'replay_canceled'))
  ), closed as (
    delete from open_executions where id = any(array(select id from ${ended} where finished_at is not null))
    returning id, guards_job_id, counts_in
  ), freed as (
    -- It takes up no place in its queue while it waits for its next attempt.
    update open_executions set counts_in = null
    where id = any(array(select id from ${ended} where finished_at is null)) and counts_in is not null
    returning id
  )`;
}

/**
 * What a statement answers that `whatFollows` is part of, for `follow`: with `own`, the rows of its own by what they are,
 * each from a CTE.
 */
export function answerOf(own: Record<string, { from: string; number?: string }>): string {
  const nothing =
    "false as guarded, false as freed, null::integer as scope_id, null::text as share, null::timestamptz as due_at";
  // Not joined: PostgreSQL takes each CTE for a single row, and would compare each row with each.
  return [
    ...Object.entries(own).map(
      ([is, { from, number = "null::integer" }]) =>
        `select id, '${is}' as is, ${number} as number, ${nothing} from ${from}`,
    ),
    `select id, 'over' as is, null::integer as number, guards_job_id is not null as guarded, counts_in is not null as freed,
      null::integer as scope_id, null::text as share, null::timestamptz as due_at
      from closed where guards_job_id is not null or counts_in is not null`,
    "select id, 'over', null, false, true, null, null, null from freed",
    "select id, 'told', null, false, false, scope_id, share, due_at from called",
    "select id, 'ruled', n::integer, false, false, null, null, null from ruled",
  ].join("\n  union all\n  ");
}

/** For whom an end has made room: executions that wait for those of the same jobs, or of the same queues. */
export interface MadeRoom {
  guarded: boolean;
  freed: boolean;
}

/** Sees to what follows the ends that a statement answers of, beyond the tables that it changed itself. */
export async function follow<Own extends string>(
  session: EndingSession,
  rows: Followed<Own>[],
): Promise<MadeRoom> {
  const told = rows.flatMap(({ id, scope_id, share, due_at: dueAt }) =>
    scope_id === null || share === null || dueAt === null ? [] : [{ id, scope_id, share, dueAt }],
  );
  const ruled = rows.flatMap(({ id, is, number }) => (is === "ruled" ? [{ id, order: number! }] : []));
  const notified = ruled.length === 0 ? [] : await notifyOfEnds(session, ruled);
  await tell(session, [...told, ...notified]);
  const over = rows.filter((row) => row.is === "over");
  return { guarded: over.some(({ guarded }) => guarded), freed: over.some(({ freed }) => freed) };
}

const failures = ["failed", "expired"] satisfies ExecutionStatus[];
const failuresNow = "(case when h.succeeded then 0 else j.consecutive_failures end + h.failures)";
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
      consecutive_failures = ${failuresNow}, failures_before = j.consecutive_failures, was_alerted = j.is_alerted,
      -- Kept when it works again: then it is told how long it did not.
      failing_since = case when h.failures > 0 and (h.succeeded or j.consecutive_failures = 0)
        then h.failed_at else j.failing_since end,
      is_alerted = case when h.failures = 0 then j.is_alerted and not h.succeeded
        else (j.is_alerted and not h.succeeded) or coalesce(${hasAlert("j", failuresNow)}, false) end,
      usual_before = j.usual_ms, usual_ms = coalesce(j.usual_ms * 0.8 + h.took_ms * 0.2, h.took_ms, j.usual_ms),
      state = case when j.state = 'active' and j.next_run_at is null and h.slot_over and ${isSpent(ended)}
        then 'completed' else j.state end
    from (
      select job_id, max(sent_at) as sent_at, coalesce(bool_or(status = 'succeeded'), false) as succeeded,
        (count(*) filter (where ${failed} and n > coalesce(success, 0)))::integer as failures,
        min(finished_at) filter (where ${failed} and n > coalesce(success, 0)) as failed_at,
        avg(extract(epoch from finished_at - sent_at)::double precision * 1000) filter (where status = 'succeeded') as took_ms,
        (array_agg(status order by n desc) filter (where ${failed} or status = 'succeeded'))[1] as last_status,
        bool_or(trigger = 'schedule' and finished_at is not null) as slot_over
      from (
        select job_id, trigger, status, finished_at, sent_at, n,
          max(n) filter (where status = 'succeeded') over (partition by job_id) as success
        from ${ended} where trigger <> 'replay'
      ) e
      group by job_id order by job_id
    ) h
    where j.id = h.job_id and j.id = any(array(select job_id from ${ended}))
    returning j.id, j.was_alerted`;
}

/**
 * Whether no slot of a job `j` is open but those that end here; one that is run once has only one. Two statements that
 * end the last two slots at the same moment do not see each other: the reconciler completes such a job.
 */
function isSpent(ended: string): string {
  return `((not j.repeats and j.run_count <= 1) or not exists (
      select from (${newest}) x where ${isOpenSlot} and x.id <> all(array(select id from ${ended}))))`;
}

/**
 * The newest executions `x` of a job. By row comparison, which one index alone can answer in this order: of a job that is
 * merely equal, PostgreSQL may walk through the history of all jobs instead, in the order of the ids.
 */
export const newestOf = (
  job: string,
  { columns, limit, before }: NewestOf,
): string => `select ${columns} from executions x
    where (x.job_id, x.id) > (${job}, '${NIL}'::uuid) and (x.job_id, x.id) < (${job}, ${before ?? `'${MAX}'::uuid`})
    order by x.job_id desc, x.id desc limit ${limit}`;

interface NewestOf {
  columns: string;
  limit: number;
  /** Ids before this. */
  before?: string;
}

const newest = newestOf("j.id", { columns: "x.id, x.trigger, x.finished_at", limit: lookBack });
const isOpenSlot = "x.trigger = 'schedule' and x.finished_at is null";

/** Whether a slot of a job `j` is open. */
export const hasOpenSlot = `exists (select from (${newest}) x where ${isOpenSlot})`;
