import { SchedulerError } from "@org/scheduler-contract";
import { nextRun } from "../time/next-run.ts";
import { floats, isOneShot, stateInWords, type Timed, toSchedule } from "./job.ts";
import type { JobRow } from "./jobs.sql.ts";
import { readTiming, type TimingInput } from "./timing.ts";

type Bounds = Pick<Timed, "start_at" | "end_at">;

/** What a caller says about a whole schedule. */
interface ScheduleInput extends TimingInput {
  timezone: string;
  start_at?: string | undefined;
  end_at?: string | undefined;
}

/** Reads a new schedule. Throws `invalid_schedule` naming the field and the fix. */
export function readSchedule(input: ScheduleInput, now: Date): Timed {
  const { timezone } = input;
  const bounds = { start_at: toDate(input.start_at), end_at: toDate(input.end_at) };
  assertRoom(bounds, now);
  return { ...readTiming(input, timezone, now), ...bounds, timezone };
}

export function toDate(text: string | null | undefined): Date | null {
  return text == null ? null : new Date(text);
}

/** Throws `invalid_schedule` where bounds leave no room. */
export function assertRoom({ start_at, end_at }: Bounds, now: Date): void {
  const [from, name] = start_at !== null && start_at > now ? [start_at, "start_at"] : [now, "now"];
  if (end_at === null || end_at > from) return;
  throw new SchedulerError(
    "invalid_schedule",
    `end_at ${end_at.toISOString()} is not after ${name}, ${from.toISOString()}.`,
    { field: "end_at", hint: "Give a later end_at, or none; null removes one in update_job." },
  );
}

/** The first slot of a new schedule. Throws `invalid_schedule` where there is none. */
export function firstRun(timed: Timed, now: Date): Date {
  const next = nextFrom(timed, now);
  if (next !== null) return new Date(next);
  throw new SchedulerError("invalid_schedule", "This schedule would never fire.", {
    field: boundAtFault(timed),
    hint: "Look at it with preview_schedule, and give a timing with a run between start_at and end_at.",
  });
}

function nextFrom(timed: Timed, now: Date): number | null {
  const schedule = toSchedule(timed);
  const at = now.getTime();
  switch (timed.kind) {
    case "one_time":
      // The slot of a job that is due now is now itself.
      return nextRun(schedule, at - 1);
    case "recurring":
    case "scheduled":
    case "cron":
      return nextRun(schedule, at);
  }
}

function boundAtFault({ kind, run_at, start_at, end_at }: Timed): string {
  if (isOneShot(kind) && run_at !== null && start_at !== null && run_at < start_at) return "start_at";
  return end_at === null ? "when" : "end_at";
}

/** The next slot of a job that goes on, counted from now; null when it has none left. */
export function resumedRun(job: JobRow, now: Date): Date | null {
  if (job.max_runs !== null && job.run_count >= job.max_runs) return null;
  const next = nextFrom(job, now);
  if (next !== null) return new Date(next);
  if (job.state === "draft" || (isOneShot(job.kind) && job.run_count === 0)) throw nothingLeft(job);
  return null;
}

/** The first slot of a draft that becomes active, and its instant where that was not fixed before. */
export function activate(job: JobRow, now: Date): Pick<JobRow, "run_at" | "next_run_at"> {
  if (!floats(job)) return { run_at: job.run_at, next_run_at: resumedRun(job, now) };
  const next = nextRun(toSchedule({ ...job, run_at: now }), now.getTime() - 1);
  if (next === null) throw nothingLeft(job);
  return { run_at: now, next_run_at: new Date(next) };
}

/** Why a job that has not run yet never will. */
function nothingLeft(job: JobRow): SchedulerError {
  const { kind, run_at, start_at, end_at } = job;
  const inBounds =
    isOneShot(kind) &&
    run_at !== null &&
    !floats(job) &&
    !(start_at && run_at < start_at) &&
    !(end_at && run_at > end_at);
  if (!inBounds) {
    return new SchedulerError("conflict", "Its schedule has no run between start_at and end_at any more.", {
      hint: 'Move its bounds with update_job, such as {"end_at": null}, or give it a new timing.',
    });
  }
  return new SchedulerError(
    "conflict",
    `Its time, ${run_at.toISOString()}, passed while it was ${stateInWords(job)}.`,
    {
      hint: 'Run it now with run_job, or give it a new time with update_job, such as {"when": "in 5m"}.',
    },
  );
}
