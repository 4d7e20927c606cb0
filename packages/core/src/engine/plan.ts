import { slotId } from "../ids.ts";
import { isOneShot, toSchedule } from "../jobs/job.ts";
import { type MissedSlots, slotsBetween } from "../time/catch-up.ts";
import { nextRun } from "../time/next-run.ts";
import type { Engine } from "./engine.ts";
import {
  type Claimed,
  claimDueJobs,
  claimWaiting,
  type Due,
  type DueJob,
  type PlannedExecution,
  type PlannedJob,
  recordPlan,
  type StartedExecution,
} from "./road.sql.ts";

/** How many repeating jobs, and how many waiting executions, one pass takes at the most. */
const batchSize = 1000;

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
 * there is room, an execution starts in the very transaction that plans it; the others get tickets.
 */
export async function plan(
  engine: Engine,
  { workerId, room }: { workerId: string; room: number },
): Promise<PlanPass> {
  const at = engine.clock.now();
  // A clock that stands still has no moment ahead.
  const lead = at === null ? leadMs : 0;
  return engine.database.db.transaction().execute(async (tx) => {
    const due = await claimDueJobs(tx, at, { oneShot: room, repeating: batchSize, leadMs: lead });
    const planned = planJobs(engine, due.jobs, room);
    const fromJobs = due.jobs.length === 0 ? [] : await recordPlan(tx, { ...planned, workerId }, at);
    const left = room - fromJobs.filter(isStarted).length;
    const waiting = due.waiting
      ? await claimWaiting(tx, { room: left, limit: batchSize, leadMs: lead, workerId }, at)
      : [];
    const claimed = [...fromJobs, ...waiting];
    const tickets = claimed.filter(({ status }) => status === "pending" || status === "retrying");
    await engine.queue.put(
      tx,
      tickets.map(({ id }) => id),
    );
    const oneShots = due.jobs.filter(({ kind }) => isOneShot(kind)).length;
    const repeating = due.jobs.length - oneShots;
    return {
      started: claimed.filter(isStarted),
      tickets: tickets.length,
      more: oneShots === room || repeating === batchSize || waiting.length === batchSize,
      nextInMs: soonest(due, planned.jobs, lead),
    };
  });
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

function isStarted(claimed: Claimed): claimed is Claimed & StartedExecution {
  return claimed.status === "running";
}

function planJobs(
  engine: Engine,
  due: DueJob[],
  room: number,
): { jobs: PlannedJob[]; executions: PlannedExecution[] } {
  const jobs: PlannedJob[] = [];
  const executions: PlannedExecution[] = [];
  let left = room;
  for (const job of due) {
    const planned = planOrPark(engine, job, left > 0);
    if (planned.executions.some(({ status }) => status === "running")) left--;
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
