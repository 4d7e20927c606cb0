import { assertTimeZone } from "../time/zone-name.ts";
import { isOneShot, jitterOf } from "./job.ts";
import type { JobColumns, JobRow } from "./jobs.sql.ts";
import { stateConflict } from "./require.ts";
import { assertRoom, firstRun, resumedRun } from "./schedule.ts";
import type { Wanted } from "./wanted.ts";

const timing = ["kind", "cron", "every_n_minutes", "run_at"] as const;
const bounds = ["start_at", "end_at"] as const;
const schedule = [...timing, ...bounds, "timezone", "max_runs", "jitter_seconds"] as const;

/** Whether an input or a difference touches the schedule at all. */
export function reschedules(said: { [Name in (typeof schedule)[number]]?: unknown }): boolean {
  return schedule.some((name) => said[name] !== undefined);
}

/** Throws `conflict` where a job is canceled. */
export function assertNotCanceled(job: JobRow): void {
  if (job.state !== "canceled") return;
  throw stateConflict(job, "scheduled again", "Create a new job with create_job.");
}

/** What follows in a job from a new timing, zone, bound or number of runs, or from the same timing given `anew`. */
export function reschedule(
  job: JobRow,
  differing: Partial<Wanted>,
  { anew, now }: { anew: boolean; now: Date },
): Partial<JobColumns> {
  const changed: JobRow = { ...job, ...differing };
  assertTimeZone(changed.timezone);
  if (bounds.some((name) => name in differing)) assertRoom(changed, now);
  const retimed = anew || timing.some((name) => name in differing);
  const ended = job.state === "completed" || (job.state === "active" && job.next_run_at === null);
  if (retimed && (ended || usedUp(job, differing))) changed.run_count = 0;
  const exhausted = changed.max_runs !== null && changed.run_count >= changed.max_runs;
  const spent = !retimed && isOneShot(job.kind) && ended;
  const next = exhausted || spent ? null : nextRunOf(job, changed, { retimed, now });
  return {
    run_count: changed.run_count,
    // What was declared before holds no more.
    ...(retimed && { declared: null }),
    ...nextState(job, next, exhausted),
  };
}

/** Whether a new maximum has been reached already: with a new timing it is about the runs to come. */
function usedUp(job: JobRow, { max_runs }: Partial<Wanted>): boolean {
  return max_runs != null && job.run_count >= max_runs;
}

/** Whether a change moves a repeating job away from a slot that is due and only waits for a worker with room. */
export function losesSlot(job: JobRow, change: Partial<JobColumns>, now: Date): boolean {
  const { next_run_at: slot } = job;
  if (isOneShot(job.kind) || slot === null || slot > now || change.next_run_at === undefined) return false;
  return change.next_run_at?.getTime() !== slot.getTime();
}

/** What is left of a changed schedule once a slot of the old one has been given its execution. */
export function afterOneMore(job: JobRow, change: Partial<JobColumns>): Partial<JobColumns> {
  const runs = (change.run_count ?? job.run_count) + 1;
  const most = change.max_runs === undefined ? job.max_runs : change.max_runs;
  return { run_count: runs, ...(most !== null && runs >= most ? { next_run_at: null } : {}) };
}

function nextRunOf(
  job: JobRow,
  changed: JobRow,
  { retimed, now }: { retimed: boolean; now: Date },
): Date | null {
  // Also where the job is paused: a timing without any run is refused at once.
  if (retimed) return firstRun(changed, now);
  switch (job.state) {
    case "active":
      return keepsItsSlots(job, changed) ? withJitter(job, changed, now) : firstRun(changed, now);
    case "completed":
      // Later bounds or more runs let a job that had come to its end go on.
      return resumedRun(changed, now);
    case "paused":
    case "draft":
    case "canceled":
      return null;
  }
}

/** Whether the run that is planned already is still the right one; it may be overdue, and must not be lost. */
function keepsItsSlots(job: JobRow, changed: JobRow): boolean {
  const sameStart = job.start_at?.getTime() === changed.start_at?.getTime();
  const sameZone = job.timezone === changed.timezone || changed.kind !== "cron";
  const within = changed.end_at === null || (job.next_run_at !== null && job.next_run_at <= changed.end_at);
  return sameStart && sameZone && within;
}

/** The run that is planned, with another delay: the slot stays the same one, so that it fires neither twice nor never. */
function withJitter(job: JobRow, changed: JobRow, now: Date): Date | null {
  if (job.next_run_at === null || job.jitter_seconds === changed.jitter_seconds) return job.next_run_at;
  const at = job.next_run_at.getTime() - jitterOf(job) + jitterOf(changed);
  return new Date(Math.max(at, now.getTime()));
}

/** A job that had ended starts over with a new run; a paused one stays paused. */
function nextState(
  { state }: JobRow,
  next: Date | null,
  exhausted: boolean,
): Pick<JobRow, "state" | "next_run_at"> {
  if (state !== "active" && state !== "completed") return { state, next_run_at: null };
  if (next !== null) return { state: "active", next_run_at: next };
  return { state: exhausted ? "completed" : state, next_run_at: null };
}
