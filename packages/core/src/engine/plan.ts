import { signal } from "../database/signals.ts";
import type { Session } from "../database/statement.ts";
import { type EndingSession, tell } from "../rules/tell.ts";
import {
  completeSpentJobs,
  type End,
  endFor,
  endWaiting,
  followBornOver,
  lineUp,
  type StartedExecution,
  startExecutions,
} from "../executions/life.sql.ts";
import { type Engine, inTransaction } from "./engine.ts";
import { notifyOfMissed } from "../rules/notify.ts";
import { type JobPlan, needsRoom, parked, planJob } from "./plan-job.ts";
import {
  abortPrevious,
  claimDueJobs,
  type Due,
  type DueJob,
  findPrevious,
  findReplaced,
  type Planned,
  type PlannedExecution,
  recordPlan,
  takeFires,
  uncountRuns,
} from "./plan.sql.ts";
import type { Admission } from "./slots.ts";
import { claimWaiting, type Order } from "./waiting.sql.ts";

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
  /** The executions that start on this worker: at once, or at their instant where that is a moment ahead. */
  started: StartedExecution[];
  /** Executions that nobody wants any more, or whose time has run out: for `endUnstarted`. */
  unwanted: End[];
  /** A job or an execution that was due is not due any more. */
  moved: boolean;
  /** Executions wait for their turn in their queues. */
  inLines: boolean;
  /** Some of those have only just come. */
  linedUp: boolean;
  /** There may be more to claim at once. */
  more: boolean;
  /** Until there is something to claim again; null when nothing is planned. */
  nextInMs: number | null;
}

interface Planning {
  workerId: string;
  admission: Admission;
  backlog?: boolean;
  /** What goes first where there is not enough room: fresh slots, or the executions that have waited longest. */
  order?: Order;
}

/**
 * One pass of the planner, one transaction: claims what is due, writes its executions and moves the jobs on. Where
 * there is room, an execution starts in the very transaction that plans it.
 */
export async function plan(
  engine: Engine,
  { workerId, admission, backlog = false, order = "freshest" }: Planning,
): Promise<PlanPass> {
  // A clock that stands still has no moment ahead.
  const lead = engine.clock.now() === null ? leadMs : 0;
  const { room, full } = admission;
  return inTransaction(engine, async (session) => {
    const claim = { room, full, late: batchSize, leadMs: lead, lateMs, lines: backlog };
    const due = await claimDueJobs(session, claim);
    // A full worker must not keep others from what it cannot start.
    const limit = Math.min(batchSize, Math.max(100, room * 4));
    const waking = { limit, leadMs: lead, workerId, admission, order };
    const wake = (): Promise<Woken> => (due.waiting ? wakeWaiting(session, waking) : Promise.resolve(nobody));
    const first = order === "oldest" ? await wake() : undefined;
    const plans = await withinBounds(session, planJobs(engine, due.jobs, admission));
    const recorded = await carryOut(session, plans, workerId);
    const woken = first ?? (await wake());
    const linedUp = woken.linedUp > 0 || recorded.some(({ line_at }) => line_at !== null);
    const late = due.jobs.filter((job) => job.late).length;
    const fresh = due.jobs.length - late;
    return {
      started: [...recorded.filter(isStarted), ...woken.started],
      unwanted: woken.unwanted,
      moved: plans.length > 0 || woken.started.length + woken.linedUp + woken.unwanted.length > 0,
      inLines: due.inLines || linedUp,
      linedUp,
      more: fresh >= room || late === batchSize || woken.more,
      nextInMs: soonest(due, plans, lead),
    };
  });
}

/**
 * Ends executions that were found unwanted where they might have started. After the transaction that found them: it holds
 * jobs or queues, and to wait for the jobs of these meanwhile could be a deadlock.
 */
export async function endUnstarted(engine: Engine, unwanted: End[]): Promise<void> {
  if (unwanted.length > 0) await inTransaction(engine, (session) => endWaiting(session, unwanted));
}

interface Woken {
  started: StartedExecution[];
  unwanted: End[];
  linedUp: number;
  more: boolean;
}

const nobody: Woken = { started: [], unwanted: [], linedUp: 0, more: false };

/** Starts the executions whose `due_at` has come and that find room; the others go on waiting. */
async function wakeWaiting(
  session: Session,
  {
    limit,
    leadMs: lead,
    workerId,
    admission,
    order,
  }: Required<Omit<Planning, "backlog">> & { limit: number; leadMs: number },
): Promise<Woken> {
  const due = await claimWaiting(session, { limit, leadMs: lead, full: admission.full, order });
  const unwanted = due.flatMap(({ id, ends }) => (ends === null ? [] : [endFor(id, ends)]));
  const linedUp = due.filter((one) => one.ends === null && one.lines_up).map(({ id }) => id);
  await lineUp(session, linedUp);
  const wanted = due.filter((one) => one.ends === null && !one.lines_up);
  const admitted = wanted.filter((execution) => admission.admit(execution));
  const started = await startExecutions(session, { ids: admitted.map(({ id }) => id), workerId });
  const dueAt = new Map(admitted.map(({ id, due_at }) => [id, due_at]));
  for (const execution of started) execution.due_at = dueAt.get(execution.id)!;
  return {
    started,
    unwanted,
    linedUp: linedUp.length,
    more: due.length === limit || admitted.length < wanted.length,
  };
}

/** Writes what was decided for jobs that are due, and what follows from it. */
async function carryOut(session: EndingSession, plans: JobPlan[], workerId: string): Promise<Planned[]> {
  if (plans.length === 0) return [];
  const executions = plans.flatMap((of) => of.executions);
  const recorded = await recordPlan(session, { jobs: plans.map(({ job }) => job), executions, workerId });
  await uncountRepeated(session, executions, recorded);
  await endPrevious(session, plans);
  await endReplaced(session, plans);
  await followBornOver(session, toBeFollowed(plans, recorded));
  await tell(session, await notifyOfMissed(session, missedAmong(executions, recorded)));
  await completeSpentJobs(
    session,
    plans
      .filter(({ job, executions: of }) => job.next_run_at === null && of.length === 0)
      .map(({ job }) => job.id),
  );
  return recorded;
}

/** Of what was over when it was written, what counts for its job: what expired, and the last slots of jobs. */
function toBeFollowed(plans: JobPlan[], recorded: Planned[]): string[] {
  const last = new Set(plans.filter(({ job }) => job.next_run_at === null).map(({ job }) => job.id));
  return recorded
    .filter(({ status, job_id }) => status === "expired" || (status === "skipped" && last.has(job_id)))
    .map(({ id }) => id);
}

/** Of the executions that were written, those of slots that were missed. */
function missedAmong(executions: PlannedExecution[], recorded: Planned[]): string[] {
  const written = new Set(recorded.map(({ id }) => id));
  return executions.filter(({ id, reason }) => reason === "missed" && written.has(id)).map(({ id }) => id);
}

/** A slot that has its execution already, since the clock was put back or its job was, is no run more. */
async function uncountRepeated(
  session: Session,
  executions: PlannedExecution[],
  recorded: Planned[],
): Promise<void> {
  if (recorded.length === executions.length) return;
  const written = new Set(recorded.map(({ id }) => id));
  const repeated = executions.filter(
    ({ id, status }) => (status === "pending" || status === "running") && !written.has(id),
  );
  await uncountRuns(
    session,
    repeated.map(({ job_id }) => job_id),
  );
}

/** The jobs that were just moved on may be the next to be due. */
function soonest({ jobs, nextInMs }: Due, plans: JobPlan[], lead: number): number | null {
  const now = jobs[0]?.now.getTime() ?? 0;
  const next = plans.flatMap(({ job: { next_run_at } }) =>
    next_run_at === null ? [] : [next_run_at.getTime() - now],
  );
  const soonestMs = Math.min(nextInMs ?? Infinity, ...next);
  return soonestMs === Infinity ? null : Math.max(soonestMs - lead, 0);
}

function isStarted<Row extends { status: string }>(row: Row): row is Row & { status: "running" } {
  return row.status === "running";
}

/** Ends the executions of jobs whose new slot takes their place. */
async function endPrevious(session: EndingSession, plans: JobPlan[]): Promise<void> {
  const canceling = plans.filter(({ cancelsPrevious }) => cancelsPrevious);
  if (canceling.length === 0) return;
  const jobIds = canceling.map(({ job }) => job.id);
  const kept = canceling.flatMap(({ executions }) => executions.map(({ id }) => id));
  const previous = await findPrevious(session, { jobIds, kept });
  const waiting = previous.filter(({ runs }) => !runs);
  await endWaiting(
    session,
    waiting.map(({ id }) => ({ id, status: "canceled", reason: "overlap" })),
  );
  const running = previous.filter(({ runs }) => runs).map(({ id }) => id);
  await abortPrevious(session, running);
  for (const id of running) await signal(session.db, "cancel", id);
}

/** Keeps of the slots that pass in a paused queue the latest alone, where the job asks for no more. */
async function endReplaced(session: EndingSession, plans: JobPlan[]): Promise<void> {
  const replacing = plans.filter(({ replacesWaiting }) => replacesWaiting);
  const ids = replacing.flatMap(({ executions }) =>
    executions.filter(({ status }) => status === "pending").map(({ id }) => id),
  );
  if (ids.length === 0) return;
  const replaced = await findReplaced(session, ids);
  await endWaiting(
    session,
    replaced.map(({ id, queue }) => {
      const error = `Its queue ${queue} was paused, and a later slot took its place.`;
      return { id, status: "skipped", reason: "queue_paused", error };
    }),
  );
  // Only what is sent is a run.
  await uncountRuns(
    session,
    replaced.map(({ job_id }) => job_id),
  );
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

/** Holds back what a key may not fire any more today. Nearly no key is bound to that. */
async function withinBounds(session: Session, plans: JobPlan[]): Promise<JobPlan[]> {
  const bounded = plans.filter(({ due, job }) => due.bounded_by !== null && job.runs > 0);
  if (bounded.length === 0) return plans;
  const wanted = new Map<string, number>();
  for (const { due, job } of bounded)
    wanted.set(due.bounded_by!, (wanted.get(due.bounded_by!) ?? 0) + job.runs);
  const granted = await takeFires(session, wanted);
  return plans.map((planned) => {
    const of = planned.due.bounded_by === null ? undefined : granted.get(planned.due.bounded_by);
    if (!of) return planned;
    const fires = Math.min(of.granted, planned.job.runs);
    of.granted -= fires;
    if (fires === planned.job.runs) return planned;
    const error = `The key that made this job may fire ${of.most} times a day (UTC)`;
    return planJob(planned.due, planned.starts, { fires, error });
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
