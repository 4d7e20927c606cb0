import type { Tx } from "../database/tables.ts";
import { slotId } from "../ids.ts";
import { toSchedule } from "../jobs/job.ts";
import { type MissedSlots, slotsBetween } from "../time/catch-up.ts";
import { nextRun } from "../time/next-run.ts";
import type { Engine } from "./engine.ts";
import {
  claimDueJobs,
  type Due,
  type DueJob,
  type PlannedExecution,
  type PlannedJob,
  recordPlan,
} from "./plan.sql.ts";
import type { Admission } from "./slots.ts";
import { claimWaiting, endWaiting, type StartedExecution, startExecutions } from "./start.sql.ts";

/** How many jobs beyond those that can start, and how many waiting executions, one pass takes at the most. */
const batchSize = 1000;

/** How long a repeating job waits for room; well under a minute, which is the shortest time between two slots. */
const lateMs = 10_000;

/**
 * What will be due this soon is claimed already, and sent at its very instant: claiming and committing take a few
 * milliseconds that nobody then sees.
 */
const leadMs = 25;

export interface PlanPass {
  /** What starts on this worker: at once, or at the instant it is for where that is a moment ahead. */
  started: StartedExecution[];
  /** How many found no room here and wait as tickets for whoever has some. */
  tickets: number;
  /** There may be more to claim at once. */
  more: boolean;
  /** Until there is something to claim again; null when nothing is planned. */
  nextInMs: number | null;
}

/**
 * One pass of the planner, one transaction: claims what is due, writes its executions and moves the jobs on. Where
 * there is room, an execution starts in the very transaction that plans it; what waits too long gets a ticket.
 */
export async function plan(
  engine: Engine,
  { workerId, admission }: { workerId: string; admission: Admission },
): Promise<PlanPass> {
  const at = engine.clock.now();
  // A clock that stands still has no moment ahead.
  const lead = at === null ? leadMs : 0;
  const { room, fullHosts } = admission;
  return engine.database.db.transaction().execute(async (tx) => {
    const due = await claimDueJobs(tx, at, { room, fullHosts, late: batchSize, leadMs: lead, lateMs });
    const planned = planJobs(engine, due.jobs, admission);
    const recorded = planned.jobs.length === 0 ? [] : await recordPlan(tx, { ...planned, workerId }, at);
    const tickets = recorded.filter(({ status }) => status === "pending");
    const hostOf = new Map(due.jobs.map(({ id, host }) => [id, host]));
    await engine.queue.put(
      tx,
      tickets.map(({ id, job_id }) => ({ id, host: hostOf.get(job_id)! })),
    );
    const waiting = { limit: batchSize, leadMs: lead, workerId, admission };
    const woken = due.waiting ? await wakeWaiting(tx, waiting, at) : { started: [], more: false };
    const late = due.jobs.filter((job) => job.late).length;
    const fresh = due.jobs.length - late;
    return {
      started: [...recorded.filter(isStarted), ...woken.started],
      tickets: tickets.length,
      more: fresh >= room || late === batchSize || woken.more,
      nextInMs: soonest(due, planned.jobs, lead),
    };
  });
}

/** Starts what waited for its time and finds room, and ends what nobody wants any more; the rest goes on waiting. */
async function wakeWaiting(
  tx: Tx,
  options: { limit: number; leadMs: number; workerId: string; admission: Admission },
  at: Date | null,
): Promise<{ started: StartedExecution[]; more: boolean }> {
  const { limit, leadMs: lead, workerId, admission } = options;
  const due = await claimWaiting(tx, { limit, leadMs: lead, fullHosts: admission.fullHosts }, at);
  const ended = due.filter(({ ends }) => ends);
  const admitted = due.filter(({ ends, host }) => !ends && admission.admit(host));
  if (ended.length > 0)
    await endWaiting(
      tx,
      ended.map(({ id }) => id),
      at,
    );
  const ids = admitted.map(({ id }) => id);
  const started = ids.length === 0 ? [] : await startExecutions(tx, { ids, workerId }, at);
  return { started, more: due.length === limit };
}

/** The jobs that were just moved on may be the next to be due. */
function soonest({ jobs, nextInMs }: Due, moved: PlannedJob[], lead: number): number | null {
  const now = jobs[0]?.now.getTime() ?? 0;
  const next = moved.flatMap(({ next_run_at }) =>
    next_run_at === null ? [] : [next_run_at.getTime() - now],
  );
  const soonestMs = Math.min(nextInMs ?? Infinity, ...next);
  return soonestMs === Infinity ? null : Math.max(soonestMs - lead, 0);
}

function isStarted<Row extends { status: string }>(row: Row): row is Row & { status: "running" } {
  return row.status === "running";
}

function planJobs(
  engine: Engine,
  due: DueJob[],
  admission: Admission,
): { jobs: PlannedJob[]; executions: PlannedExecution[] } {
  const jobs: PlannedJob[] = [];
  const executions: PlannedExecution[] = [];
  const freshest = due.toSorted((one, other) => other.next_run_at.getTime() - one.next_run_at.getTime());
  for (const job of freshest) {
    const starts = admission.admit(job.host);
    // Left where it is, it is claimed again as soon as there is room for it.
    if (!starts && !job.late) continue;
    const planned = planOrPark(engine, job, starts);
    jobs.push(planned.job);
    executions.push(...planned.executions);
  }
  return { jobs, executions };
}

/** One job whose schedule cannot be computed must not keep all the others from being planned. */
function planOrPark(engine: Engine, due: DueJob, starts: boolean): ReturnType<typeof planJob> {
  try {
    return planJob(due, starts);
  } catch (error) {
    engine.log.error(
      { job: due.id, error: (error as Error).message },
      "paused a job whose schedule cannot be computed",
    );
    return { job: { id: due.id, next_run_at: null, runs: 0, parked: true }, executions: [] };
  }
}

/** Missed slots older than this are not made up for. */
const catchUpWindowMs = 24 * 60 * 60 * 1000;

/**
 * What is to be done for a job that is due: of the slots that passed while nobody planned, the latest fires and one
 * row stands for all the others.
 */
function planJob(due: DueJob, starts: boolean): { job: PlannedJob; executions: PlannedExecution[] } {
  const schedule = toSchedule(due);
  const now = due.now.getTime();
  const first = due.next_run_at.getTime();
  const second = nextRun(schedule, first);
  // Nearly always nothing was missed, and then one computation is enough.
  const later = second === null || second > now ? noneMissed : slotsBetween(schedule, first, now, 1);
  const latest = later.slots.at(-1) ?? first;
  const next = later === noneMissed ? second : nextRun(schedule, latest);
  const exhausted = due.max_runs !== null && due.run_count + 1 >= due.max_runs;
  const tooOld = later.total > 0 && now - latest > catchUpWindowMs;
  const missed = tooOld ? later.total + 1 : later.total;
  const execution = (slot: number): Omit<PlannedExecution, "status" | "reason" | "error"> => ({
    id: slotId(due.id, new Date(slot)),
    scope_id: due.scope_id,
    job_id: due.id,
    revision_id: due.revision_id,
    scheduled_for: new Date(slot),
  });
  const executions: PlannedExecution[] = [];
  if (missed > 0) {
    const error = missedMessage(missed, later.more);
    executions.push({ ...execution(first), status: "skipped", reason: "missed", error });
  }
  if (!tooOld) {
    executions.push({
      ...execution(latest),
      status: starts ? "running" : "pending",
      reason: null,
      error: null,
    });
  }
  const nextRunAt = next === null || (exhausted && !tooOld) ? null : new Date(next);
  return { job: { id: due.id, next_run_at: nextRunAt, runs: tooOld ? 0 : 1, parked: false }, executions };
}

const noneMissed: MissedSlots = { slots: [], total: 0, more: false };

function missedMessage(count: number, more: boolean): string {
  const slots = count === 1 ? "1 slot" : `${count}${more ? " or more" : ""} slots`;
  return `${slots} passed while no worker was planning; only the latest is made up for.`;
}
