import type { ParsedInput } from "@org/scheduler-contract";
import type { JobChange, NewRevision } from "../database/tables.ts";
import type { JobRow } from "./jobs.sql.ts";
import { stateConflict } from "./require.ts";
import { newRevision } from "./revision.ts";
import { firstRun, readBounds } from "./schedule.ts";
import { assertTimeZone } from "../time/zone-name.ts";
import { isOneShot } from "./job.ts";
import { readTiming, saysWhen } from "./timing.ts";

type Changes = ParsedInput<"update_job">;

const requestFields = [
  "url",
  "method",
  "headers",
  "body",
  "timeout_seconds",
  "success_statuses",
  "retry",
] as const;
const scheduleFields = [
  "when",
  "cron",
  "every_n_minutes",
  "run_at",
  "timezone",
  "start_at",
  "end_at",
  "max_runs",
] as const;

const defaultTimeoutSeconds = 30;

/** What an update changes in the stored job, and the new version of its request where that changes. */
export function changeJob(
  job: JobRow,
  input: Changes,
  now: Date,
): { change: JobChange; revision: NewRevision | undefined } {
  const change: JobChange = { updated_at: now };
  if (input.name !== undefined) change.name = input.name;
  if (input.description !== undefined) change.description = input.description;
  if (input.metadata !== undefined) change.metadata = JSON.stringify(input.metadata ?? {});
  if (scheduleFields.some((field) => input[field] !== undefined))
    Object.assign(change, changeSchedule(job, input, now));
  const revision = requestFields.some((field) => input[field] !== undefined)
    ? changeRequest(job, input, now)
    : undefined;
  if (revision) change.revision_id = revision.id;
  return { change, revision };
}

function changeSchedule(job: JobRow, input: Changes, now: Date): JobChange {
  if (job.state === "canceled")
    throw stateConflict(job, "scheduled again", "Create a new job with create_job.");
  const timezone = input.timezone ?? job.timezone;
  assertTimeZone(timezone);
  const retimed = saysWhen(input);
  const { kind, cron, every_n_minutes, run_at } = retimed ? readTiming(input, timezone, now) : job;
  const bounds = readBounds(
    {
      start_at: input.start_at === undefined ? job.start_at?.toISOString() : input.start_at,
      end_at: input.end_at === undefined ? job.end_at?.toISOString() : input.end_at,
    },
    now,
  );
  const timed = { kind, cron, every_n_minutes, run_at, timezone, ...bounds };
  const maxRuns = input.max_runs === undefined ? job.max_runs : input.max_runs;
  // A job that had ended starts over with its new timing; a paused one stays paused.
  const startsOver = retimed && job.state === "completed";
  const state = startsOver ? "active" : job.state;
  const runCount = startsOver ? 0 : job.run_count;
  const exhausted = maxRuns !== null && runCount >= maxRuns;
  const spent = !retimed && isOneShot(kind) && job.next_run_at === null;
  const nextRunAt = state === "active" && !exhausted && !spent ? firstRun(timed, now) : null;
  return { ...timed, max_runs: maxRuns, state, run_count: runCount, next_run_at: nextRunAt };
}

function changeRequest(job: JobRow, input: Changes, now: Date): NewRevision {
  // A body that was JSON stays the text it was made into, with the header that says so.
  return newRevision(
    { scopeId: job.scope_id, jobId: job.id, now },
    {
      method: input.method ?? job.method,
      url: input.url ?? job.url,
      headers: input.headers === undefined ? job.headers : (input.headers ?? {}),
      body: input.body === undefined ? (job.body ?? undefined) : (input.body ?? undefined),
      timeout_seconds:
        input.timeout_seconds === undefined
          ? job.timeout_seconds
          : (input.timeout_seconds ?? defaultTimeoutSeconds),
      success_statuses:
        input.success_statuses === undefined ? job.success_statuses : (input.success_statuses ?? undefined),
      retry: input.retry === undefined ? job.retry : (input.retry ?? undefined),
    },
  );
}
