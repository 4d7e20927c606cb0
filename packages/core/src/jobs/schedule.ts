import { SchedulerError } from "@org/scheduler-contract";
import { nextRun } from "../time/next-run.ts";
import { isOneShot, type Timed, toSchedule } from "./job.ts";
import type { JobRow } from "./jobs.sql.ts";

interface BoundsInput {
  start_at?: string | null | undefined;
  end_at?: string | null | undefined;
}

/** Reads the bounds of a schedule. Throws `invalid_schedule` where they leave no room. */
export function readBounds(input: BoundsInput, now: Date): { start_at: Date | null; end_at: Date | null } {
  const start = input.start_at ? new Date(input.start_at) : null;
  const end = input.end_at ? new Date(input.end_at) : null;
  if (end !== null && end <= (start ?? now)) {
    throw new SchedulerError(
      "invalid_schedule",
      `end_at ${input.end_at} is not after ${start ? "start_at" : "now"}.`,
      {
        field: "end_at",
        hint: "Give a later end_at, or leave it out.",
      },
    );
  }
  return { start_at: start, end_at: end };
}

/** The first slot of a new schedule. Throws `invalid_schedule` where there is none. */
export function firstRun(timed: Timed, now: Date): Date {
  // The slot of a job that is due now is now itself.
  const after = timed.kind === "one_time" ? now.getTime() - 1 : now.getTime();
  const next = nextRun(toSchedule(timed), after);
  if (next !== null) return new Date(next);
  throw new SchedulerError("invalid_schedule", "This schedule would never fire.", {
    field: timed.end_at === null ? "when" : "end_at",
    hint: "Look at it with preview_schedule, and give a timing with a run between start_at and end_at.",
  });
}

/** The next slot of a job that goes on, counted from now; null when it has none left. */
export function resumedRun(job: JobRow, now: Date): Date | null {
  if (job.max_runs !== null && job.run_count >= job.max_runs) return null;
  const next = nextRun(toSchedule(job), now.getTime());
  if (next !== null) return new Date(next);
  if (isOneShot(job.kind) && job.run_count === 0) {
    throw new SchedulerError(
      "conflict",
      `Its time, ${job.run_at!.toISOString()}, passed while it was ${job.state}.`,
      {
        hint: 'Run it now with run_job, or give it a new time with update_job, such as {"when": "in 5m"}.',
      },
    );
  }
  return null;
}
