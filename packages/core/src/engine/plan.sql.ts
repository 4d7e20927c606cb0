import type { CatchUp, Overlap } from "@org/scheduler-contract";
import { type Session, statement } from "../database/statement.ts";
import {
  clock,
  createdMs,
  executionsOfIds,
  request,
  revisionOf,
  stamped,
  type StartedExecution,
} from "../executions/life.sql.ts";
import { newestOf } from "../executions/over.sql.ts";
import type { Timed } from "../jobs/job.ts";
import { defaultQueue } from "../queues/queue.ts";
import { shareInSql } from "../sending/destination.ts";

export interface DueJob extends Timed {
  now: Date;
  scope_id: number;
  id: string;
  revision_id: string;
  queue: string;
  /** Its executions wait for their turn in the queue, whether there is room or not. */
  has_line: boolean;
  /** Nothing of the queue starts. */
  paused: boolean;
  /** A slot of this job waits in the paused queue already. */
  waits: boolean;
  /** Where its request goes. */
  host: string;
  max_runs: number | null;
  run_count: number;
  ttl_seconds: number | null;
  overlap: Overlap;
  catch_up: CatchUp;
  catch_up_window_seconds: number;
  catch_up_max_runs: number;
  /** How many of its executions are not over, counted up to 101; 0 where they may overlap. */
  open: number;
  next_run_at: Date;
  /** It has been due for so long that it gets its execution now, whether there is room or not. */
  late: boolean;
  /** The key that made it, where that may fire so often a day only. */
  bounded_by: string | null;
}

/** What a look at the tables found. */
export interface Due {
  jobs: DueJob[];
  /** Executions that waited for their time are due too. */
  waiting: boolean;
  /** Executions wait for their turn in a queue. */
  inLines: boolean;
  /** Until the next job or execution that is not due yet; null without any. */
  nextInMs: number | null;
}

export interface ClaimLimits {
  /** How many may start. */
  room: number;
  /** How many late ones are taken beyond those. */
  late: number;
  leadMs: number;
  lateMs: number;
  /** Shares of which no more is given at the moment. */
  full: string[];
  /**
   * Jobs of has_line queues are looked for by themselves: they need no room, and must not stand in line with a backlog
   * before they stand in their own.
   */
  lines: boolean;
}

const soon = ":now + :lead_ms::integer * interval '1 millisecond'";
const late = ":now - :late_ms::integer * interval '1 millisecond'";
/** How far back among the executions of a job a slot is looked for that waits in a paused queue. */
const lookBack = 50;

const isWelcome = `${shareInSql("j")} <> all(:full::text[])`;

interface ClaimValues {
  lead_ms: number;
  late_ms: number;
  room: number;
  late: number;
  full: string[];
  lines: boolean;
}

const claim = statement<ClaimValues, Omit<Due, "jobs"> & (DueJob | { id: null })>(
  "claim",
  `with one_shot as (
    select j.*, false as late from jobs j
    where not repeats and next_run_at <= ${soon} and ${isWelcome}
    order by next_run_at desc limit :room::integer
    for update of j skip locked
  ), repeating as (
    select j.*, false as late from jobs j
    where repeats and next_run_at <= ${soon} and next_run_at > ${late} and ${isWelcome}
    order by next_run_at desc limit :room::integer
    for update of j skip locked
  ), late as (
    select j.*, true as late from jobs j
    where repeats and next_run_at <= ${late}
    order by next_run_at desc limit :late::integer
    for update of j skip locked
  ), other as (
    select * from one_shot union all select * from repeating union all select * from late
  ), has_line as (
    select j.*, false as late from queues q cross join lateral (
      select * from jobs
      where scope_id = q.scope_id and queue = q.name and queue <> '${defaultQueue}' and next_run_at <= ${soon}
        and id <> all(array(select id from other))
      order by next_run_at limit :late::integer
      for update skip locked
    ) j
    where :lines::boolean and q.has_line limit :late::integer
  ), candidates as (
    select * from other union all select * from has_line
  ), standing as (
    select c.scope_id, c.id, c.revision_id, c.queue, c.kind, c.cron, c.every_n_minutes, c.run_at, c.timezone, c.start_at,
      c.end_at, c.max_runs, c.run_count, c.jitter_seconds, c.ttl_seconds, c.overlap, c.catch_up,
      c.catch_up_window_seconds, c.catch_up_max_runs, c.next_run_at, c.late, c.host,
      case when c.is_bounded then c.token_id end as bounded_by,
      case when c.overlap = 'allow' then 0 else (
        select count(*)::integer from (select 1 from open_executions o where o.guards_job_id = c.id limit 101) o
      ) end as open, coalesce(q.has_line, false) as has_line, coalesce(q.paused, false) as paused,
      case when q.paused and c.repeats then exists (
        select 1 from (${newestOf("c.id", { columns: "x.trigger, x.line_at", limit: lookBack })}) newest
        where newest.trigger = 'schedule' and newest.line_at is not null
      ) else false end as waits
    from candidates c left join queues q on q.scope_id = c.scope_id and q.name = c.queue
  ), look_ahead as (
    select coalesce((select min(due_at) from executions where due_at is not null) <= ${soon}, false) as waiting,
      exists (select 1 from executions where line_at is not null) as "inLines",
      (extract(epoch from least(
        (select min(next_run_at) from jobs where repeats and next_run_at > ${soon}),
        (select min(next_run_at) from jobs where not repeats and next_run_at > ${soon}),
        (select min(due_at) from executions where due_at > ${soon})
      ) - :now) * 1000)::double precision as "nextInMs"
  )
  select :now as now, look_ahead.*, standing.* from look_ahead left join standing on true`,
);

/**
 * Claims jobs that are due, or will be within `leadMs`, the freshest first: after an outage nobody's new slot waits
 * behind all the old ones. It takes no more than can start now, since nothing is lost by waiting where they are; but
 * a repeating job that has waited for `lateMs` is taken whether there is room or not, so that each slot gets its
 * execution before the next comes.
 */
export async function claimDueJobs(session: Session, limits: ClaimLimits): Promise<Due> {
  const { leadMs, lateMs, room, late: lateCount, full, lines } = limits;
  const values = { lead_ms: leadMs, late_ms: lateMs, room, late: lateCount, full, lines };
  const rows = await claim(session, values);
  const { waiting, inLines, nextInMs } = rows[0]!;
  const jobs = rows.filter((row): row is typeof row & DueJob => row.id !== null);
  return { jobs, waiting, inLines, nextInMs };
}

export interface PlannedJob {
  id: string;
  next_run_at: Date | null;
  runs: number;
  /** Until somebody mends its schedule. */
  paused: boolean;
}

export interface PlannedExecution {
  id: string;
  scope_id: number;
  job_id: string;
  queue: string;
  revision_id: string;
  scheduled_for: Date;
  /** `running` starts here and now, `pending` when there is room: at `due_at`, or in its queue's line. */
  status: "pending" | "running" | "skipped" | "expired";
  reason?: string;
  error?: string;
  due_at?: Date | undefined;
  line_at?: Date | undefined;
  queued?: boolean;
  expires_at?: Date | undefined;
  /** Its job does not allow its executions to overlap. */
  guarded?: true | undefined;
}

/** An execution that was planned: started here, or waiting for a worker with a free slot. */
export type Planned = { id: string; job_id: string; line_at: Date | null } & (
  ({ status: "running" } & StartedExecution) | { status: "pending" | "skipped" | "expired" }
);

/** One array for each column: of JSON, PostgreSQL expects a hundred rows, and reads whole tables for them. */
interface PlanValues {
  worker_id: string;
  guarded: string[];
  job_ids: string[];
  next_runs: (string | null)[];
  runs: number[];
  paused: boolean[];
  ids: string[];
  scope_ids: number[];
  of_jobs: string[];
  queues: string[];
  revision_ids: string[];
  slots: string[];
  statuses: string[];
  reasons: (string | null)[];
  errors: (string | null)[];
  due_at: (string | null)[];
  line_at: (string | null)[];
  queued: boolean[];
  expire_at: (string | null)[];
}

const record = statement<PlanValues, Omit<Planned, "toldAt">>(
  "plan",
  `with moved as (
    update jobs j
    set next_run_at = p.next_run_at, run_count = j.run_count + p.runs,
      state = case when p.paused then 'paused' else j.state end
    from unnest(:job_ids::uuid[], :next_runs::timestamptz[], :runs::integer[], :paused::boolean[])
      as p(id, next_run_at, runs, paused)
    where j.id = p.id and j.id = any(:job_ids::uuid[])
  ), written as (
    insert into executions (id, scope_id, job_id, queue, revision_id, trigger, status, reason, error,
      scheduled_for, due_at, line_at, queued, expires_at, created_at, worker_id, running_since, started_at, attempt_count,
      finished_at)
    select id, scope_id, job_id, queue, revision_id, 'schedule', status, reason, error, scheduled_for, due_at, line_at,
      queued, expires_at, :now,
      case when status = 'running' then :worker_id::uuid end,
      case when status = 'running' then greatest(:now, scheduled_for) end,
      case when status = 'running' then greatest(:now, scheduled_for) end,
      case when status = 'running' then 1 else 0 end,
      case when status in ('skipped', 'expired') then :now end
    from unnest(:ids::uuid[], :scope_ids::integer[], :of_jobs::uuid[], :queues::text[], :revision_ids::uuid[],
        :slots::timestamptz[], :statuses::text[], :reasons::text[], :errors::text[], :due_at::timestamptz[],
        :line_at::timestamptz[], :queued::boolean[], :expire_at::timestamptz[])
      as x(id, scope_id, job_id, queue, revision_id, scheduled_for, status, reason, error, due_at, line_at, queued,
        expires_at)
    on conflict (id) do nothing
    returning id, scope_id, job_id, queue, revision_id, scheduled_for, status, line_at, expires_at
  ), opened as (
    insert into open_executions (id, scope_id, guards_job_id, counts_in)
    select id, scope_id, case when id = any(:guarded::uuid[]) then job_id end,
      case when status = 'running' and queue <> '${defaultQueue}' then queue end
    from written
    where status in ('pending', 'running')
  )
  select ${clock}, 'schedule' as trigger, w.id, w.scope_id, w.job_id,
    w.scheduled_for, w.status, w.line_at, w.expires_at, ${createdMs(":now")}, 1 as attempt_count, 0 as interruptions,
    ${request({ revision: "r", queue: "q", scope: "c" })}
  from written w left join ${revisionOf("w")} r on w.status = 'running'
  left join queues q on q.scope_id = w.scope_id and q.name = w.queue
  left join scopes c on c.id = w.scope_id`,
);

/**
 * Moves the claimed jobs on and writes their executions. A slot that has one already keeps it: the id is made from
 * job and slot, so the primary key is what makes a second fire impossible.
 */
export async function recordPlan(
  session: Session,
  { jobs, executions, workerId }: { jobs: PlannedJob[]; executions: PlannedExecution[]; workerId: string },
): Promise<Planned[]> {
  const rows = await record(session, {
    worker_id: workerId,
    guarded: executions.filter((execution) => execution.guarded).map(({ id }) => id),
    job_ids: jobs.map(({ id }) => id),
    next_runs: jobs.map((job) => textOf(job.next_run_at)),
    runs: jobs.map(({ runs }) => runs),
    paused: jobs.map(({ paused }) => paused),
    ids: executions.map(({ id }) => id),
    scope_ids: executions.map((execution) => execution.scope_id),
    of_jobs: executions.map((execution) => execution.job_id),
    queues: executions.map(({ queue }) => queue),
    revision_ids: executions.map((execution) => execution.revision_id),
    slots: executions.map((execution) => execution.scheduled_for.toISOString()),
    statuses: executions.map(({ status }) => status),
    reasons: executions.map(({ reason }) => reason ?? null),
    errors: executions.map(({ error }) => error ?? null),
    due_at: executions.map((execution) => textOf(execution.due_at)),
    line_at: executions.map((execution) => textOf(execution.line_at)),
    queued: executions.map(({ queued }) => queued ?? false),
    expire_at: executions.map((execution) => textOf(execution.expires_at)),
  });
  return stamped(rows) as Planned[];
}

function textOf(instant: Date | null | undefined): string | null {
  return instant?.toISOString() ?? null;
}

const uncount = statement<{ job_ids: string[] }, { id: string }>(
  "uncount_runs",
  `update jobs j set run_count = j.run_count - r.count
  from (select id, count(*)::integer as count from unnest(:job_ids::uuid[]) u(id) group by id) r
  where j.id = r.id and j.id = any(:job_ids::uuid[])`,
);

/** Takes a run off the count of jobs for each time that they are named. */
export async function uncountRuns(session: Session, jobIds: string[]): Promise<void> {
  if (jobIds.length > 0) await uncount(session, { job_ids: jobIds });
}

const previous = statement<{ job_ids: string[]; kept: string[] }, { id: string; runs: boolean }>(
  "previous",
  `select e.id, e.status = 'running' as runs
  from executions e
  where e.id = any(array(
    select id from open_executions where guards_job_id = any(:job_ids::uuid[]) and id <> all(:kept::uuid[])))
  -- What somebody has in hand is over in a moment; waiting for it while the job is locked could be a deadlock.
  for update of e skip locked`,
);

/** The executions of jobs that are not over, but for those that are kept. */
export function findPrevious(
  session: Session,
  { jobIds, kept }: { jobIds: string[]; kept: string[] },
): Promise<{ id: string; runs: boolean }[]> {
  return previous(session, { job_ids: jobIds, kept });
}

const abort = statement<{ ids: string[] }, { id: string }>(
  "abort_previous",
  `update executions set cancel_requested_at = :now, reason = 'overlap'
  where id = any(:ids::uuid[]) and status = 'running' returning id`,
);

/** Marks running executions as wanted no more, since a later slot takes their place. */
export async function abortPrevious(session: Session, ids: string[]): Promise<void> {
  if (ids.length > 0) await abort(session, { ids });
}

const replaced = statement<{ ids: string[] }, { id: string; job_id: string; queue: string }>(
  "replaced",
  `select e.id, e.job_id, e.queue
  from executions e
  where e.id = any(array(
    select before.id from ${executionsOfIds} k cross join lateral (
      ${newestOf("k.job_id", { columns: "x.id, x.trigger", limit: lookBack, before: "k.id" })}
    ) before
    where before.trigger = 'schedule'
  )) and e.line_at is not null and e.status = 'pending'
  for update of e skip locked`,
);

/** The slots that wait in a paused queue and whose places later executions of their jobs take. */
export function findReplaced(
  session: Session,
  ids: string[],
): Promise<{ id: string; job_id: string; queue: string }[]> {
  return replaced(session, { ids });
}

const take = statement<
  { token_ids: string[]; counts: number[] },
  { id: string; granted: number; most: number }
>(
  "take_fires",
  `with asked as (
    select * from unnest(:token_ids::uuid[], :counts::integer[]) as a(id, count)
  ), locked as (
    select t.id, (t.bounds->>'max_fires_per_day')::integer as most,
      case when t.fires_on = (:now at time zone 'UTC')::date then t.fires else 0 end as used
    from tokens t where t.id = any(:token_ids::uuid[])
    order by t.id for update
  ), granted as (
    select l.id, l.most, l.used, least(a.count, greatest(0, l.most - l.used)) as count
    from locked l join asked a on a.id = l.id
  )
  update tokens t set fires_on = (:now at time zone 'UTC')::date, fires = g.used + g.count
  from granted g where t.id = g.id and t.id = any(:token_ids::uuid[])
  returning t.id, g.count as granted, g.most`,
);

/** What a key is given of the executions that it wants to make today, and how many it may make on a day. */
export interface Granted {
  granted: number;
  most: number;
}

/** Counts executions of bounded keys, as many as each may still make today. */
export async function takeFires(
  session: Session,
  wanted: Map<string, number>,
): Promise<Map<string, Granted>> {
  // In one order: two who take from several keys do not wait for each other.
  const ids = [...wanted.keys()].toSorted();
  const counts = ids.map((id) => wanted.get(id)!);
  const rows = await take(session, { token_ids: ids, counts });
  return new Map(rows.map(({ id, granted, most }) => [id, { granted, most }]));
}
