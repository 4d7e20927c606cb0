import type { Job, JobKind, Output } from "@org/scheduler-contract";
import { slotId, toPublicId } from "../ids.ts";
import { describeSchedule, previewSchedule } from "../time/preview.ts";
import { masked } from "../secrets/sensitive.ts";
import { nextRuns, type Schedule } from "../time/next-run.ts";
import { formatLocal } from "../time/zone.ts";
import type { JobRow } from "./jobs.sql.ts";

/** The part of a job that says when; instants as the database gives them. */
export interface Timed {
  kind: JobKind;
  cron: string | null;
  every_n_minutes: number | null;
  /** Of an interval: from where it counts, unless it has a start. */
  run_at: Date | null;
  timezone: string;
  start_at: Date | null;
  end_at: Date | null;
  jitter_seconds?: number | null;
  /** Whose jitter it is; without one there is none. */
  id?: string;
}

/** A stored job as the pure functions of time read it. */
export function toSchedule(job: Timed): Schedule {
  const bounds = {
    startAt: job.start_at?.getTime() ?? null,
    endAt: job.end_at?.getTime() ?? null,
    jitterMs: jitterOf(job),
  };
  switch (job.kind) {
    case "one_time":
    case "scheduled":
      return { kind: job.kind, runAt: job.run_at!.getTime(), ...bounds };
    case "cron":
      return { kind: "cron", cron: job.cron!, timezone: job.timezone, ...bounds };
    case "recurring":
      return {
        kind: "recurring",
        everyMinutes: job.every_n_minutes!,
        // Only what a process of an older version stores has none.
        anchor: (job.start_at ?? job.run_at)?.getTime() ?? 0,
        ...bounds,
      };
  }
}

/** A job's own delay: the same for each of its slots, so that they keep their distance, and another for each job. */
export function jitterOf({ id, jitter_seconds }: Timed): number {
  if (id === undefined || jitter_seconds == null) return 0;
  return parseInt(id.slice(-12), 16) % (jitter_seconds * 1000 + 1);
}

/** Whether a kind has a single slot. */
export function isOneShot(kind: JobKind): boolean {
  return kind === "one_time" || kind === "scheduled";
}

/** The state after "the job is". */
export function stateInWords({ state }: Pick<JobRow, "state">): string {
  return state === "draft" ? "a draft" : state;
}

/** A draft without a timing is due when it is resumed: until then its instant moves along. */
export function floats({ state, kind }: Pick<JobRow, "state" | "kind">): boolean {
  return state === "draft" && kind === "one_time";
}

const shownRuns = 5;

/** A stored job as callers see it. */
export function toJob(row: JobRow): Job {
  return {
    id: toPublicId("job", row.id),
    number: row.number,
    key: row.key,
    name: row.name,
    description: row.description,
    state: row.state,
    kind: row.kind,
    url: row.message === null ? row.url : null,
    method: row.method as Job["method"],
    headers: row.message === null ? masked(row.headers) : {},
    body: row.message === null ? row.body : null,
    cron: row.cron,
    every_n_minutes: row.every_n_minutes,
    run_at: isOneShot(row.kind) ? (row.run_at?.toISOString() ?? null) : null,
    timezone: row.timezone,
    start_at: row.start_at?.toISOString() ?? null,
    end_at: row.end_at?.toISOString() ?? null,
    schedule_description: describeTiming(row),
    max_runs: row.max_runs,
    jitter_seconds: row.jitter_seconds,
    ttl_seconds: row.ttl_seconds,
    overlap: row.overlap,
    catch_up: row.catch_up,
    catch_up_window_seconds: row.catch_up_window_seconds,
    catch_up_max_runs: row.catch_up_max_runs,
    queue: row.queue,
    timeout_seconds: row.effective_timeout_seconds,
    success_statuses: row.success_statuses,
    assertions: row.assertions ?? [],
    follow_redirects: row.follow_redirects,
    retry: row.effective_retry,
    callback_url: row.callback_url,
    alert_threshold: row.alert_threshold,
    muted_until: row.muted_until?.toISOString() ?? null,
    metadata: row.metadata,
    agent: row.agent,
    message: row.message,
    token_id: row.token_id && toPublicId("tok", row.token_id),
    parent_execution_id: row.parent_execution_id && toPublicId("exec", row.parent_execution_id),
    consecutive_failures: row.consecutive_failures,
    is_alerted: row.is_alerted,
    last_run_at: row.last_run_at?.toISOString() ?? null,
    last_status: row.last_status,
    next_run_at: row.next_run_at?.toISOString() ?? null,
    next_run_local: row.next_run_at && formatLocal(row.timezone, row.next_run_at.getTime()),
    next_runs: upcomingRuns(row),
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** A job that was changed, as its caller sees it; a dry run says that it is one, and what may surprise. */
export function toChangedJob(
  { dryRun, now }: { dryRun: boolean; now: Date },
  row: JobRow,
  notes: string[] = [],
): Output<"update_job"> {
  if (dryRun) return { ...toJob(row), dry_run: true, notes: [...notes, ...notesOn(row, now)] };
  return { ...toJob(row), ...(notes.length > 0 && { notes }) };
}

/** The execution that a new job has at once, where it is due now. */
export function firstExecutionId({ id, kind, next_run_at }: JobRow): string | undefined {
  return kind === "one_time" && next_run_at !== null
    ? toPublicId("exec", slotId(id, next_run_at))
    : undefined;
}

function notesOn(row: JobRow, now: Date): string[] {
  const schedule = toSchedule(floats(row) ? { ...row, run_at: now } : row);
  const { timezone } = row;
  return previewSchedule(schedule, { from: now.getTime(), count: countShown(row), timezone }).notes;
}

function describeTiming(row: JobRow): string {
  return floats(row) ? "Once, as soon as it is resumed" : describeSchedule(toSchedule(row), row.timezone);
}

/** How many of the next runs are shown. */
function countShown({ max_runs, run_count }: Pick<JobRow, "max_runs" | "run_count">): number {
  return max_runs === null ? shownRuns : Math.min(shownRuns, max_runs - run_count);
}

function upcomingRuns(row: JobRow): string[] {
  if (row.next_run_at === null) return [];
  const next = row.next_run_at.getTime();
  return [next, ...nextRuns(toSchedule(row), next, countShown(row) - 1)].map((at) =>
    new Date(at).toISOString(),
  );
}
