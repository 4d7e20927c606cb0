import type { CatchUp, Overlap } from "@org/scheduler-contract";
import { sql } from "kysely";
import { makeCallbacks } from "../database/callbacks.ts";
import { statement } from "../database/statement.ts";
import type { Db, Tx } from "../database/tables.ts";
import type { Timed } from "../jobs/job.ts";
import { defaultQueue } from "../queues/queue.ts";
import { shareInSql } from "./shares.ts";
import { clock, request, stamped, type StartedExecution } from "./start.sql.ts";

export interface DueJob extends Timed {
  now: Date;
  scope_id: number;
  id: string;
  revision_id: string;
  queue: string;
  /** Its executions wait for their turn in the queue, whether there is room or not. */
  laned: boolean;
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
}

/** What a look at the tables found. */
export interface Due {
  jobs: DueJob[];
  /** Executions that waited for their time are due too. */
  waiting: boolean;
  /** Executions wait for their turn in a queue. */
  inLanes: boolean;
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
   * Jobs of laned queues are looked for by themselves: they need no room, and must not stand in line with a backlog
   * before they stand in their own.
   */
  lanes: boolean;
}

const soon = "coalesce($1::timestamptz, now()) + $2::integer * interval '1 millisecond'";
const late = "coalesce($1::timestamptz, now()) - $3::integer * interval '1 millisecond'";
/** How far back among the slots of a job one is looked for that waits in a paused queue. */
const lookBack = 50;

const isWelcome = `${shareInSql("j")} <> all($6::text[])`;

const claim = statement<Omit<Due, "jobs"> & (DueJob | { id: null })>(
  "claim",
  `with one_shot as (
    select j.* from scheduler.jobs j
    where not repeats and next_run_at <= ${soon} and ${isWelcome}
    order by next_run_at desc limit $4::integer
    for update of j skip locked
  ), repeating as (
    select j.* from scheduler.jobs j
    where repeats and next_run_at <= ${soon} and next_run_at > ${late} and ${isWelcome}
    order by next_run_at desc limit $4::integer
    for update of j skip locked
  ), late as (
    select j.* from scheduler.jobs j
    where repeats and next_run_at <= ${late}
    order by next_run_at desc limit $5::integer
    for update of j skip locked
  ), laned as (
    select j.* from scheduler.queues q cross join lateral (
      select * from scheduler.jobs
      where scope_id = q.scope_id and queue = q.name and queue <> '${defaultQueue}' and next_run_at <= ${soon}
      order by next_run_at limit $5::integer
      for update skip locked
    ) j
    where $7::boolean and q.laned limit $5::integer
  )
  select coalesce($1::timestamptz, now()) as now, due.scope_id, due.id, due.revision_id, due.queue, due.kind, due.cron,
    due.every_n_minutes, due.run_at, due.timezone, due.start_at, due.end_at, due.max_runs, due.run_count,
    due.jitter_seconds, due.ttl_seconds, due.overlap, due.catch_up, due.catch_up_window_seconds, due.catch_up_max_runs,
    case when due.overlap = 'allow' then 0 else (
      select count(*)::integer from (select 1 from scheduler.open_executions o where o.job_id = due.id limit 101) o
    ) end as open, due.next_run_at, due.late, due.host, coalesce(q.laned, false) as laned,
    coalesce(q.paused, false) as paused, case when q.paused and due.repeats then exists (
      select 1 from (
        select e.lane_at from scheduler.executions e
        where e.job_id = due.id and e.trigger = 'schedule' order by e.id desc limit ${lookBack}
      ) slot where slot.lane_at is not null
    ) else false end as waits, look.*
  from (
    select coalesce((select min(due_at) from scheduler.executions where due_at is not null) <= ${soon}, false) as waiting,
      exists (select 1 from scheduler.executions where lane_at is not null) as "inLanes",
      (extract(epoch from least(
        (select min(next_run_at) from scheduler.jobs where repeats and next_run_at > ${soon}),
        (select min(next_run_at) from scheduler.jobs where not repeats and next_run_at > ${soon}),
        (select min(due_at) from scheduler.executions where due_at > ${soon})
      ) - coalesce($1::timestamptz, now())) * 1000)::double precision as "nextInMs"
  ) look
  left join (
    select *, false as late from one_shot
    union all select *, false from repeating
    union all select *, true from late
    union all select *, false from laned
  ) due on true
  left join scheduler.queues q on q.scope_id = due.scope_id and q.name = due.queue`,
);

/**
 * Claims jobs that are due, or will be within `leadMs`, the freshest first: after an outage nobody's new slot waits
 * behind all the old ones. It takes no more than can start now, since nothing is lost by waiting where they are; but
 * a repeating job that has waited for `lateMs` is taken whether there is room or not, so that each slot gets its
 * execution before the next comes.
 */
export async function claimDueJobs(tx: Tx, at: Date | null, limits: ClaimLimits): Promise<Due> {
  const { leadMs, lateMs, room, late: lateCount, full, lanes } = limits;
  const rows = await claim(tx, [at, leadMs, lateMs, room, lateCount, full, lanes]);
  const { waiting, inLanes, nextInMs } = rows[0]!;
  const due = rows.filter((row): row is typeof row & DueJob => row.id !== null);
  // One may have been found in two ways.
  const jobs = [...new Map(due.map((job) => [job.id, job])).values()];
  return { jobs, waiting, inLanes, nextInMs };
}

export interface PlannedJob {
  id: string;
  next_run_at: Date | null;
  runs: number;
  /** `completed` when nothing is left to come or to be settled; `paused` until somebody mends its schedule. */
  state: "completed" | "paused" | null;
}

export interface PlannedExecution {
  id: string;
  scope_id: number;
  job_id: string;
  queue: string;
  revision_id: string;
  scheduled_for: Date;
  /** `running` starts here and now, `pending` when there is room: at `due_at`, in its queue's line, or with a ticket. */
  status: "pending" | "running" | "skipped" | "expired";
  reason?: string;
  error?: string;
  due_at?: Date | undefined;
  lane_at?: Date | undefined;
  queued?: boolean;
  expires_at?: Date | undefined;
  /** Its job does not allow its executions to overlap. */
  guarded?: true | undefined;
}

/** An execution that was planned: started here, or waiting for a worker with a free slot. */
export type Planned = { id: string; job_id: string; due_at: Date | null; lane_at: Date | null } & (
  ({ status: "running" } & StartedExecution) | { status: "pending" | "skipped" | "expired" }
);

const record = statement<Omit<Planned, "toldAt">>(
  "plan",
  `with moved as (
    update scheduler.jobs j
    set next_run_at = p.next_run_at, run_count = j.run_count + p.runs,
      state = coalesce(p.state, j.state)
    from json_to_recordset($2::json) as p(id uuid, next_run_at timestamptz, runs integer, state text)
    where j.id = p.id
  ), written as (
    insert into scheduler.executions (id, scope_id, job_id, queue, revision_id, trigger, status, reason, error,
      scheduled_for, due_at, lane_at, queued, expires_at, created_at, worker_id, running_since, started_at, attempt_count,
      finished_at)
    select id, scope_id, job_id, queue, revision_id, 'schedule', status, reason, error, scheduled_for, due_at,
      lane_at, coalesce(queued, false), expires_at, coalesce($1::timestamptz, now()),
      case when status = 'running' then $4::uuid end,
      case when status = 'running' then greatest(coalesce($1::timestamptz, now()), scheduled_for) end,
      case when status = 'running' then greatest(coalesce($1::timestamptz, now()), scheduled_for) end,
      case when status = 'running' then 1 else 0 end,
      case when status in ('skipped', 'expired') then coalesce($1::timestamptz, now()) end
    from json_to_recordset($3::json)
      as x(id uuid, scope_id integer, job_id uuid, queue text, revision_id uuid, scheduled_for timestamptz, status text,
        reason text, error text, due_at timestamptz, lane_at timestamptz, queued boolean, expires_at timestamptz)
    on conflict (id) do nothing
    returning id, scope_id, job_id, queue, revision_id, scheduled_for, status, due_at, lane_at, expires_at, finished_at
  ), called as (
    ${makeCallbacks("(select * from written where status = 'expired')")}
  ), opened as (
    insert into scheduler.open_executions (id, scope_id, job_id, queue)
    select id, scope_id, case when id = any($5::uuid[]) then job_id end,
      case when status = 'running' and queue <> '${defaultQueue}' then queue end
    from written
    where status in ('pending', 'running')
  )
  select ${clock}, 'schedule' as trigger, w.id, w.scope_id, w.job_id,
    w.scheduled_for, w.status, w.due_at, w.lane_at, w.expires_at, 1 as attempt_count, 0 as interruptions, ${request}
  from written w left join scheduler.revisions r on r.id = w.revision_id and w.status = 'running'
  left join scheduler.queues q on q.scope_id = w.scope_id and q.name = w.queue
  left join scheduler.scopes c on c.id = w.scope_id`,
);

/**
 * Moves the claimed jobs on and writes their executions. A slot that has one already keeps it: the id is made from
 * job and slot, so the primary key is what makes a second fire impossible.
 */
export async function recordPlan(
  tx: Tx,
  { jobs, executions, workerId }: { jobs: PlannedJob[]; executions: PlannedExecution[]; workerId: string },
  at: Date | null,
): Promise<Planned[]> {
  const guarded = executions.filter((execution) => execution.guarded).map(({ id }) => id);
  const rows = await record(tx, [at, JSON.stringify(jobs), JSON.stringify(executions), workerId, guarded]);
  return stamped(rows) as Planned[];
}

/** Takes a run off the count of jobs for each time that they are named. */
export async function uncountRuns(tx: Tx, jobIds: string[]): Promise<void> {
  await sql`
    update scheduler.jobs j set run_count = j.run_count - r.count
    from (select id, count(*)::integer as count from unnest(${jobIds}::uuid[]) u(id) group by id) r
    where j.id = r.id`.execute(tx);
}

const cancel = statement<{ id: string }>(
  "cancel_previous",
  `with open as (
    select e.id from scheduler.open_executions o join scheduler.executions e on e.id = o.id
    where o.job_id = any($2::uuid[]) and o.id <> all($3::uuid[])
    -- What somebody has in hand is over in a moment; waiting for it while the job is locked could be a deadlock.
    for update of e skip locked
  ), ended as (
    update scheduler.executions e
    set status = 'canceled', reason = 'overlap', due_at = null, lane_at = null, finished_at = coalesce($1::timestamptz, now())
    from open where e.id = open.id and e.status in ('pending', 'retrying')
    returning e.id, e.scope_id, e.job_id, e.revision_id, e.finished_at
  ), called as (
    ${makeCallbacks("ended")}
  ), closed as (
    delete from scheduler.open_executions o using ended where o.id = ended.id
  )
  update scheduler.executions e
  set cancel_requested_at = coalesce($1::timestamptz, now()), reason = 'overlap'
  from open where e.id = open.id and e.status = 'running'
  returning e.id`,
);

/** Ends the executions of jobs that wait, but for those that are kept, and answers which are to be aborted. */
export async function cancelPrevious(
  tx: Tx,
  { jobIds, keptIds }: { jobIds: string[]; keptIds: string[] },
  at: Date | null,
): Promise<string[]> {
  return (await cancel(tx, [at, jobIds, keptIds])).map(({ id }) => id);
}

const replace = statement<{ id: string }>(
  "replace_waiting",
  `with replaced as (
    update scheduler.executions e
    set status = 'skipped', reason = 'queue_paused', error = 'Its queue ' || e.queue || ' was paused, and a later slot took its place.',
      lane_at = null, finished_at = coalesce($1::timestamptz, now())
    from unnest($2::uuid[]) as kept(id)
    join scheduler.executions k on k.id = kept.id
    cross join lateral (
      select b.id from scheduler.executions b
      where b.job_id = k.job_id and b.id < k.id and b.trigger = 'schedule' order by b.id desc limit ${lookBack}
    ) before
    where e.id = before.id and e.lane_at is not null and e.status = 'pending'
    returning e.id, e.job_id
  ), uncounted as (
    -- Only what is sent is a run.
    update scheduler.jobs j set run_count = j.run_count - r.count
    from (select job_id, count(*)::integer as count from replaced group by job_id) r where j.id = r.job_id
  )
  delete from scheduler.open_executions o using replaced r where o.id = r.id
  returning o.id`,
);

/** Lets new executions take the places of those of the same jobs that wait in a paused queue. */
export async function replaceWaiting(tx: Tx, ids: string[], at: Date | null): Promise<void> {
  await replace(tx, [at, ids]);
}

const count = statement<{ count: number; oldestSeconds: number }>(
  "due",
  `select count(*)::integer as count,
    coalesce(extract(epoch from coalesce($1::timestamptz, now()) - min(due_at)), 0)::double precision as "oldestSeconds"
  from (
    (select next_run_at as due_at from scheduler.jobs
      where repeats and next_run_at <= coalesce($1::timestamptz, now()) order by next_run_at limit 10000)
    union all
    (select next_run_at from scheduler.jobs
      where not repeats and next_run_at <= coalesce($1::timestamptz, now()) order by next_run_at limit 10000)
    union all
    (select due_at from scheduler.executions
      where due_at <= coalesce($1::timestamptz, now()) and not queued order by due_at limit 10000)
  ) due`,
);

/** What is due and not planned yet, counted up to 10,000 of a kind, and how long the oldest of it waits. */
export async function countDue(db: Db, at: Date | null): Promise<{ count: number; oldestSeconds: number }> {
  const [counted] = await count(db, [at]);
  return counted!;
}
