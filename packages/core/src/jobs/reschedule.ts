import type { ParsedInput } from "@org/scheduler-contract";
import type { JobChange } from "../database/tables.ts";
import { assertTimeZone } from "../time/zone-name.ts";
import { isOneShot, jitterOf, type Timed } from "./job.ts";
import type { JobRow } from "./jobs.sql.ts";
import { stateConflict } from "./require.ts";
import { assertRoom, firstRun, resumedRun, toDate } from "./schedule.ts";
import { readTiming, saysWhen, type Timing, type TimingInput } from "./timing.ts";

/** What changes in a job, as callers write it; a declaration has more ways to say when. */
export type Changes = Omit<ParsedInput<"update_job">, "job_id" | "dry_run"> & TimingInput;

const fields = [
  "when",
  "cron",
  "every_n_minutes",
  "run_at",
  "delay_seconds",
  "timezone",
  "start_at",
  "end_at",
  "max_runs",
  "jitter_seconds",
] as const;

/** Whether an update touches the schedule at all. */
export function reschedules(input: Changes): boolean {
  return fields.some((field) => input[field] !== undefined);
}

/** What a new timing, zone, bound or number of runs changes in a job. */
export function reschedule(job: JobRow, input: Changes, now: Date): JobChange {
  if (job.state === "canceled")
    throw stateConflict(job, "scheduled again", "Create a new job with create_job.");
  const timezone = input.timezone ?? job.timezone;
  assertTimeZone(timezone);
  const timing = saysWhen(input) ? readTiming(input, timezone, now) : undefined;
  // Saying again what is already so changes nothing: asking twice must not push an interval's next run away.
  const retimed = timing !== undefined && !(job.state === "active" && isSameTiming(timing, job));
  const { kind, cron, every_n_minutes, run_at } = timing ?? job;
  const timed: Timed = {
    kind,
    cron,
    every_n_minutes,
    run_at,
    timezone,
    start_at: input.start_at === undefined ? job.start_at : toDate(input.start_at),
    end_at: input.end_at === undefined ? job.end_at : toDate(input.end_at),
  };
  if (input.start_at !== undefined || input.end_at !== undefined) assertRoom(timed, now);
  const ended = job.state === "completed" || (job.state === "active" && job.next_run_at === null);
  const changed: JobRow = {
    ...job,
    ...timed,
    jitter_seconds: input.jitter_seconds === undefined ? job.jitter_seconds : input.jitter_seconds,
    max_runs: input.max_runs === undefined ? job.max_runs : input.max_runs,
    run_count: retimed && (ended || usedUp(job, input)) ? 0 : job.run_count,
  };
  const exhausted = changed.max_runs !== null && changed.run_count >= changed.max_runs;
  const spent = !retimed && isOneShot(kind) && ended;
  const next = exhausted || spent ? null : nextRunOf(job, changed, { retimed, now });
  return {
    ...timed,
    max_runs: changed.max_runs,
    run_count: changed.run_count,
    // What was declared before holds no more.
    ...(retimed && { declared: null }),
    ...nextState(job, next, exhausted),
  };
}

/** Whether a new maximum has been reached already: with a new timing it is about the runs to come. */
function usedUp(job: JobRow, { max_runs }: Changes): boolean {
  return max_runs != null && job.run_count >= max_runs;
}

/** Whether a change moves a repeating job away from a slot that is due and only waits for a worker with room. */
export function losesSlot(job: JobRow, change: JobChange, now: Date): boolean {
  const { next_run_at: slot } = job;
  if (isOneShot(job.kind) || slot === null || slot > now || change.next_run_at === undefined) return false;
  return (change.next_run_at as Date | null)?.getTime() !== slot.getTime();
}

/** What is left of a changed schedule once a slot of the old one has been given its execution. */
export function afterOneMore(job: JobRow, change: JobChange): JobChange {
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

/** Whether a timing is what a job has already. */
export function isSameTiming(timing: Timing, job: Timed): boolean {
  return (
    timing.kind === job.kind &&
    timing.cron === job.cron &&
    timing.every_n_minutes === job.every_n_minutes &&
    timing.run_at?.getTime() === job.run_at?.getTime()
  );
}
