import { boundedCache } from "./cache.ts";
import { parseCron } from "./cron.ts";
import { describeCron } from "./describe-cron.ts";
import { nextRuns, type Schedule } from "./next-run.ts";
import { previewNotes, type PreviewOptions } from "./preview-notes.ts";
import { formatLocal } from "./zone.ts";

export type { PreviewOptions };

export interface SchedulePreview {
  next_runs: string[];
  local_runs: string[];
  description: string;
  notes: string[];
}

/** What a schedule does next: up to `count` runs in UTC and in local time, in English, and what may surprise. */
export function previewSchedule(schedule: Schedule, options: PreviewOptions): SchedulePreview {
  const { from, count, timezone } = options;
  const single = schedule.kind === "one_time" || schedule.kind === "scheduled";
  const runs = nextRuns(schedule, single ? from - 1 : from, count);
  return {
    next_runs: runs.map((run) => new Date(run).toISOString()),
    local_runs: runs.map((run) => formatLocal(timezone, run)),
    description: describeSchedule(schedule, timezone),
    notes: previewNotes(schedule, runs, options),
  };
}

/** The schedule in English, such as "At 09:00, Monday through Friday (Europe/Berlin)". */
export function describeSchedule(schedule: Schedule, timezone: string): string {
  switch (schedule.kind) {
    case "one_time":
    case "scheduled":
      return `Once, at ${formatLocal(timezone, schedule.runAt)} (${timezone})`;
    case "cron":
      return `${cronInWords(schedule.cron)} (${schedule.timezone})`;
    case "recurring":
      return `Every ${describeInterval(schedule.everyMinutes)}`;
  }
}

const described = boundedCache<string, string>(10_000);

function cronInWords(expression: string): string {
  return described.get(expression) ?? described.set(expression, describeCron(parseCron(expression)));
}

function describeInterval(minutes: number): string {
  if (minutes === 1) return "minute";
  if (minutes % 1_440 === 0) return minutes === 1_440 ? "24 hours" : `${minutes / 1_440} days of 24 hours`;
  if (minutes % 60 === 0) return minutes === 60 ? "hour" : `${minutes / 60} hours`;
  return `${minutes} minutes`;
}
