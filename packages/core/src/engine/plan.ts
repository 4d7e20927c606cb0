import { notify } from "../database/notices.ts";
import type { Tx } from "../database/tables.ts";
import type { Engine } from "./engine.ts";
import { type JobPlan, needsRoom, parked, planJob } from "./plan-job.ts";
import {
  cancelPrevious,
  claimDueJobs,
  type Due,
  type DueJob,
  type Planned,
  type PlannedExecution,
  recordPlan,
  replaceWaiting,
  uncountRuns,
} from "./plan.sql.ts";
import { shareOf } from "./shares.ts";
import type { Admission } from "./slots.ts";
import { claimWaiting, endUnstarted, lineUp, type StartedExecution, startExecutions } from "./start.sql.ts";

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
  /** Something that was due is not any more. */
  moved: boolean;
  /** Executions wait for their turn in their queues. */
  inLanes: boolean;
  /** Some of those have only just come. */
  linedUp: boolean;
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
  { workerId, admission, backlog = false }: { workerId: string; admission: Admission; backlog?: boolean },
): Promise<PlanPass> {
  const at = engine.clock.now();
  // A clock that stands still has no moment ahead.
  const lead = at === null ? leadMs : 0;
  const { room, full } = admission;
  return engine.database.db.transaction().execute(async (tx) => {
    const due = await claimDueJobs(tx, at, {
      room,
      full,
      late: batchSize,
      leadMs: lead,
      lateMs,
      lanes: backlog,
    });
    const plans = planJobs(engine, due.jobs, admission);
    const jobs = plans.map(({ job }) => job);
    const executions = plans.flatMap((of) => of.executions);
    const recorded = jobs.length === 0 ? [] : await recordPlan(tx, { jobs, executions, workerId }, at);
    await uncountRepeated(tx, executions, recorded);
    await endPrevious(tx, plans, at);
    await endReplaced(tx, plans, at);
    const jobOf = new Map(due.jobs.map((job) => [job.id, job]));
    const tickets = recorded.filter(
      ({ status, due_at, lane_at }) => status === "pending" && due_at === null && lane_at === null,
    );
    const planned = recorded.some(({ lane_at }) => lane_at !== null);
    await engine.queue.put(
      tx,
      tickets.map(({ id, job_id }) => ({ id, share: shareOf(jobOf.get(job_id)!) })),
    );
    // A full worker must not keep others from what it cannot start.
    const limit = Math.min(batchSize, Math.max(100, room * 4));
    const waiting = { limit, leadMs: lead, workerId, admission };
    const woken = due.waiting ? await wakeWaiting(tx, waiting, at) : { started: [], linedUp: 0, more: false };
    const linedUp = planned || woken.linedUp > 0;
    const late = due.jobs.filter((job) => job.late).length;
    const fresh = due.jobs.length - late;
    return {
      started: [...recorded.filter(isStarted), ...woken.started],
      tickets: tickets.length,
      moved: jobs.length > 0 || woken.started.length + woken.linedUp > 0,
      inLanes: due.inLanes || linedUp,
      linedUp,
      more: fresh >= room || late === batchSize || woken.more,
      nextInMs: soonest(due, jobs, lead),
    };
  });
}

/** Starts what waited for its time and finds room, and ends what nobody wants any more; the rest goes on waiting. */
async function wakeWaiting(
  tx: Tx,
  options: { limit: number; leadMs: number; workerId: string; admission: Admission },
  at: Date | null,
): Promise<{ started: StartedExecution[]; linedUp: number; more: boolean }> {
  const { limit, leadMs: lead, workerId, admission } = options;
  const due = await claimWaiting(tx, { limit, leadMs: lead, full: admission.full }, at);
  await endUnstarted(tx, due, at);
  const linedUp = due.filter(({ fate }) => fate === "waits").map(({ id }) => id);
  if (linedUp.length > 0) await lineUp(tx, linedUp, at);
  const wanted = due.filter(({ fate }) => fate === "starts");
  const admitted = wanted.filter((execution) => admission.admit(execution));
  const ids = admitted.map(({ id }) => id);
  const started = ids.length === 0 ? [] : await startExecutions(tx, { ids, workerId }, at);
  const dueAt = new Map(admitted.map(({ id, due_at }) => [id, due_at]));
  for (const execution of started) execution.due_at = dueAt.get(execution.id)!;
  return {
    started,
    linedUp: linedUp.length,
    more: due.length === limit || admitted.length < wanted.length,
  };
}

/** A slot that has its execution already, since the clock was put back or its job was, is no run more. */
async function uncountRepeated(tx: Tx, executions: PlannedExecution[], recorded: Planned[]): Promise<void> {
  if (recorded.length === executions.length) return;
  const written = new Set(recorded.map(({ id }) => id));
  const repeated = executions.filter(
    ({ id, status }) => (status === "pending" || status === "running") && !written.has(id),
  );
  if (repeated.length > 0)
    await uncountRuns(
      tx,
      repeated.map(({ job_id }) => job_id),
    );
}

/** The jobs that were just moved on may be the next to be due. */
function soonest({ jobs, nextInMs }: Due, moved: JobPlan["job"][], lead: number): number | null {
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

/** Lets what a new execution takes the place of come to its end. */
async function endPrevious(tx: Tx, plans: JobPlan[], at: Date | null): Promise<void> {
  const canceling = plans.filter(({ cancelsPrevious }) => cancelsPrevious);
  if (canceling.length === 0) return;
  const jobIds = canceling.map(({ job }) => job.id);
  const keptIds = canceling.flatMap(({ executions }) => executions.map(({ id }) => id));
  for (const id of await cancelPrevious(tx, { jobIds, keptIds }, at)) await notify(tx, "cancel", id);
}

/** Keeps of the slots that pass in a paused queue the latest alone, where the job asks for no more. */
async function endReplaced(tx: Tx, plans: JobPlan[], at: Date | null): Promise<void> {
  const replacing = plans.filter(({ replacesWaiting }) => replacesWaiting);
  const ids = replacing.flatMap(({ executions }) =>
    executions.filter(({ status }) => status === "pending").map(({ id }) => id),
  );
  if (ids.length > 0) await replaceWaiting(tx, ids, at);
}

function planJobs(engine: Engine, due: DueJob[], admission: Admission): JobPlan[] {
  const freshest = due.toSorted((one, other) => other.next_run_at.getTime() - one.next_run_at.getTime());
  return freshest.flatMap((job) => {
    const needs = needsRoom(job);
    const starts = needs && admission.admit(job);
    // Left where it is, it is claimed again as soon as there is room for it.
    if (needs && !starts && !job.late) return [];
    return planOrPark(engine, job, starts);
  });
}

/** One job whose schedule cannot be computed must not keep all the others from being planned. */
function planOrPark(engine: Engine, due: DueJob, starts: boolean): JobPlan {
  try {
    return planJob(due, starts);
  } catch (error) {
    engine.log.error(
      { job: due.id, error: (error as Error).message },
      "paused a job whose schedule cannot be computed",
    );
    return parked(due);
  }
}
