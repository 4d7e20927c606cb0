import type { Output } from "@org/scheduler-contract";
import type { WriteContext } from "../operations/context.ts";
import { previewSchedule } from "../time/preview.ts";
import { countShown, floats, toJob, toSchedule } from "./job.ts";
import type { JobRow } from "./jobs.sql.ts";

/** A job that was changed, as its caller sees it; a dry run says that it is one, and what may surprise. */
export function toChangedJob({ dryRun, now }: WriteContext, row: JobRow): Output<"update_job"> {
  return dryRun ? { ...toJob(row), dry_run: true, notes: notesOn(row, now) } : toJob(row);
}

function notesOn(row: JobRow, now: Date): string[] {
  const schedule = toSchedule(floats(row) ? { ...row, run_at: now } : row);
  const { timezone } = row;
  return previewSchedule(schedule, { from: now.getTime(), count: countShown(row), timezone }).notes;
}
