import { z } from "zod";
import { type Missing, operation } from "../operation.ts";
import { agentName } from "../schemas/agent.ts";
import {
  counts,
  countsInput,
  deleted,
  id,
  idempotencyKey,
  instant,
  instantInput,
  metadata,
  page,
  pageInput,
  statuses,
} from "../schemas/common.ts";
import { execution } from "../schemas/execution.ts";
import { usualJob } from "../schemas/job.ts";
import { alertThreshold } from "../schemas/rule.ts";
import { jobFilter } from "../schemas/job-filter.ts";
import { catchUps, changedJob, job, jobKinds, overlaps } from "../schemas/job.ts";
import {
  assertions,
  body,
  headers,
  method,
  retry,
  slug,
  targetUrl,
  timeoutSeconds,
} from "../schemas/request.ts";

/** What a change answers: what the caller did not know yet. */
const changed = ["id", "number", "name", "state", "kind", "next_run_at"] as const;
const inWords = ["schedule_description", "next_run_local"] as const;
/** A dry run says what else there is to know. */
const tried = ["dry_run", "notes"] as const;
const listed = [...changed, "url", "last_status"] as const;
const shown = [
  ...listed,
  "method",
  "cron",
  "every_n_minutes",
  "timezone",
  "schedule_description",
  "next_runs",
  "consecutive_failures",
] as const;

/** The ways to say when: at most one of the four. */
const timing = {
  when: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('"in 2h", "YYYY-MM-DD HH:MM" in timezone, RFC 3339 or cron'),
  cron: z.string().min(1).max(255).optional().describe("5 fields"),
  every_n_minutes: z.int().min(1).max(525_600).optional(),
  run_at: instantInput.optional(),
};

const delaySeconds = z.int().min(0).max(86_400);

const timezone = z.string().min(1).max(64);

const name = z.string().trim().min(1).max(255);
const description = z.string().max(2000);
const message = z.string().trim().min(1).max(100_000);
const maxRuns = z.int().min(1).max(1_000_000_000);
const year = 366 * 86_400;
const jitterSeconds = z.int().min(1).max(86_400);
const ttlSeconds = z.int().min(1).max(year);
const overlap = z.enum(overlaps);
const catchUp = z.enum(catchUps);
const catchUpWindowSeconds = z.int().min(0).max(year);
const catchUpMaxRuns = z.int().min(1).max(1000);
const dryRun = z.boolean().optional().describe("only check and preview");

/** What a new job may be given. */
export const newJob = z.strictObject({
  name,
  url: targetUrl.optional().describe("or agent and message"),
  agent: agentName.optional(),
  message: message.optional(),
  key: slug.optional().describe("updates the job that has it"),
  kind: z.enum(jobKinds).optional(),
  method: method.optional().describe("default GET, with a body POST"),
  headers: headers.optional(),
  body: body.optional(),
  ...timing,
  delay_seconds: delaySeconds.optional().describe("from now"),
  timezone: timezone.default("UTC"),
  start_at: instantInput.optional(),
  end_at: instantInput.optional(),
  max_runs: maxRuns.optional(),
  jitter_seconds: jitterSeconds.optional().describe("at most"),
  ttl_seconds: ttlSeconds.optional().describe("deliver by"),
  overlap: overlap.optional().describe("default allow"),
  catch_up: catchUp.optional().describe("missed slots; default latest"),
  catch_up_window_seconds: catchUpWindowSeconds.optional().describe("default 86400"),
  catch_up_max_runs: catchUpMaxRuns.optional(),
  queue: slug.optional().describe("made on first use"),
  timeout_seconds: timeoutSeconds.optional().describe("default 30"),
  success_statuses: statuses.min(1).optional().describe('default ["2xx"]'),
  assertions: assertions.optional(),
  follow_redirects: z.boolean().optional(),
  retry: retry.optional().describe("default 8, 5 s doubling to 1 h"),
  callback_url: targetUrl.optional().describe("POSTed to when it is over"),
  alert_threshold: alertThreshold.optional().describe("failures in a row"),
  alert_channel_id: id.optional().describe("told of alerts"),
  description: description.optional(),
  metadata: metadata.optional(),
  draft: z.boolean().optional().describe("until resume_job"),
  revive: z.boolean().optional().describe("a deleted key"),
  parent_execution_id: id.optional().describe("that makes it"),
});

/** What has to be there that the fields alone do not say. */
function withoutTarget(given: Record<string, unknown>): Missing[] {
  const isSaid = ["url", "agent", "message"].some((field) => given[field] !== undefined);
  return isSaid ? [] : [["url"]];
}

function withoutTargets({ jobs }: Record<string, unknown>): Missing[] {
  if (!Array.isArray(jobs)) return [];
  const missing = (job: unknown, index: number): Missing[] =>
    typeof job === "object" && job !== null
      ? withoutTarget(job as Record<string, unknown>).map((path) => ["jobs", String(index), ...path])
      : [];
  return jobs.slice(0, 1000).flatMap(missing);
}

export const listJobs = operation({
  name: "list_jobs",
  title: "List jobs",
  description:
    "List, search or find jobs (schedules, crons, reminders, webhooks): which there are, which are active, paused, failing or overdue, with their next run.",
  input: z.strictObject({
    ...jobFilter,
    ...pageInput,
    ...countsInput,
  }),
  output: page(job).extend({ counts: counts.optional() }),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "GET", path: "/v1/jobs" },
  tool: { concise: listed },
});

export const getJob = operation({
  name: "get_job",
  title: "Get a job",
  description:
    "Show the details of one job (schedule): its request with headers and body, its timing, settings, health and next runs.",
  input: z.strictObject({ job_id: id }),
  output: job,
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "GET", path: "/v1/jobs/{job_id}" },
  tool: { concise: shown, unless: usualJob },
});

export const createJob = operation({
  name: "create_job",
  title: "Create a job",
  description:
    "Create, schedule, add or set up a new job: send (GET, POST) an HTTP request to a URL, a webhook, API call, ping or reminder now, later, after a delay, at a time or recurring (daily, hourly, cron). Say when with one of when, cron, every_n_minutes or run_at; with none it runs now.",
  input: newJob.extend({
    dry_run: dryRun,
    idempotency_key: idempotencyKey.optional(),
  }),
  missing: withoutTarget,
  output: changedJob,
  risk: "write",
  access: "any_caller",
  idempotent: false,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs", status: 201 },
  tool: {
    // A dry run has no id.
    concise: ["name", "state", "id", "number", "kind", "next_run_at", ...inWords, "execution_id", ...tried],
  },
});

export const putJob = operation({
  name: "put_job",
  title: "Declare a job",
  description:
    "Make the job of a key be as declared: created, or changed where it differs, fields left out going back to their defaults. Declaring the same again changes nothing.",
  input: newJob.extend({ key: slug, dry_run: dryRun }),
  missing: withoutTarget,
  output: changedJob,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "PUT", path: "/v1/jobs/by-key/{key}" },
});

export const createJobs = operation({
  name: "create_jobs",
  title: "Create many jobs",
  description: "Create up to 1,000 jobs at once, all of them or none; each as in create_job.",
  input: z.strictObject({
    jobs: z.array(newJob).min(1).max(1000),
    idempotency_key: idempotencyKey.optional(),
  }),
  missing: withoutTargets,
  output: z.object({ data: z.array(changedJob) }),
  risk: "write",
  access: "any_caller",
  idempotent: false,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs/batch", status: 201 },
});

export const updateJob = operation({
  name: "update_job",
  title: "Update a job",
  description:
    "Update, change, edit, rename, reschedule or mute an existing job: its URL, method, headers, body, time, timeout, retry policy or queue.",
  input: z.strictObject({
    job_id: id,
    name: name.optional(),
    url: targetUrl.optional(),
    message: message.optional(),
    method: method.optional(),
    headers: headers.nullable().optional(),
    body: body.nullable().optional(),
    ...timing,
    timezone: timezone.optional(),
    start_at: instantInput.nullable().optional(),
    end_at: instantInput.nullable().optional(),
    max_runs: maxRuns.nullable().optional(),
    jitter_seconds: jitterSeconds.nullable().optional(),
    ttl_seconds: ttlSeconds.nullable().optional(),
    overlap: overlap.nullable().optional(),
    catch_up: catchUp.nullable().optional(),
    catch_up_window_seconds: catchUpWindowSeconds.nullable().optional(),
    catch_up_max_runs: catchUpMaxRuns.nullable().optional(),
    queue: slug.nullable().optional(),
    timeout_seconds: timeoutSeconds.nullable().optional(),
    success_statuses: statuses.min(1).nullable().optional(),
    assertions: assertions.nullable().optional(),
    follow_redirects: z.boolean().nullable().optional(),
    retry: retry.nullable().optional(),
    callback_url: targetUrl.nullable().optional(),
    alert_threshold: alertThreshold.nullable().optional(),
    muted_until: instantInput.nullable().optional(),
    description: description.nullable().optional(),
    metadata: metadata.nullable().optional(),
    dry_run: dryRun,
  }),
  output: changedJob,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "PATCH", path: "/v1/jobs/{job_id}" },
  tool: { concise: [...changed, ...inWords, "changed", ...tried] },
});

export const pauseJob = operation({
  name: "pause_job",
  title: "Pause a job",
  description:
    "Pause, disable, suspend or stop a job (schedule, cron) until it is resumed. What already runs goes on.",
  input: z.strictObject({ job_id: id }),
  output: job,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs/{job_id}/pause" },
  tool: { concise: changed },
});

export const resumeJob = operation({
  name: "resume_job",
  title: "Resume a job",
  description:
    "Resume, unpause, enable, reactivate or restart a paused job, or start a draft, from now on; what was missed is not made up.",
  input: z.strictObject({ job_id: id }),
  output: job,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs/{job_id}/resume" },
  tool: { concise: changed },
});

export const cancelJob = operation({
  name: "cancel_job",
  title: "Cancel a job",
  description: "End a job for good: no more runs, and what has not started yet is canceled. It stays listed.",
  input: z.strictObject({ job_id: id }),
  output: job,
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs/{job_id}/cancel" },
});

export const deleteJob = operation({
  name: "delete_job",
  title: "Delete a job",
  description:
    "Delete, remove, cancel or unschedule a job (schedule, cron, reminder): no more runs, and what has not started yet is canceled. Its history stays until retention, unless purge.",
  input: z.strictObject({
    job_id: id,
    purge: z.boolean().default(false).describe("its history too, but for the audit"),
  }),
  output: deleted.extend({
    name: z.string(),
    key: z.string().nullable(),
    deleted_at: instant,
    deleted_by: z.string().nullable(),
    purged: z.boolean(),
    /** How there can be such a job again, and where its history is. */
    advice: z.string(),
  }),
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "DELETE", path: "/v1/jobs/{job_id}" },
  tool: {
    concise: ["deleted", "id", "name", "deleted_at", "deleted_by", "purged", "advice"],
  },
});

export const runJob = operation({
  name: "run_job",
  title: "Run a job now",
  description:
    "Run, trigger, fire, start or test a job now, at once, by hand; its schedule is not touched. Answers with the execution.",
  input: z.strictObject({
    job_id: id,
    delay_seconds: delaySeconds.optional(),
    parent_execution_id: id.optional(),
    idempotency_key: idempotencyKey.optional(),
  }),
  output: execution,
  risk: "execute",
  access: "any_caller",
  idempotent: false,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs/{job_id}/run", status: 201 },
  tool: { concise: ["id", "job_id", "status", "scheduled_for"] },
});

export const previewSchedule = operation({
  name: "preview_schedule",
  title: "Preview a schedule",
  description:
    "Preview, check or validate a schedule or cron expression: when would it run, the next run times in UTC and in local time, without creating anything.",
  input: z.strictObject({
    ...timing,
    timezone: timezone.default("UTC"),
    from: instantInput.optional().describe("instead of now"),
    count: z.int().min(1).max(100).default(5),
    start_at: instantInput.optional(),
    end_at: instantInput.optional(),
    max_runs: maxRuns.optional(),
  }),
  output: z.object({
    kind: z.enum(jobKinds),
    next_runs: z.array(instant),
    local_runs: z.array(z.string()),
    description: z.string(),
    notes: z.array(z.string()),
  }),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/schedules/preview" },
  tool: { concise: ["kind", "next_runs", "local_runs", "description", "notes"] },
});

export const explainJob = operation({
  name: "explain_job",
  title: "Explain a job",
  description:
    "Explain why a job did or did not run or fire (missed, skipped, late, failed): diagnose, debug or troubleshoot it. Default: its last run. Says when it fires next, and what to do.",
  input: z.strictObject({ job_id: id, at: instantInput.optional() }),
  output: z.object({
    job_id: z.string(),
    at: instant.nullable(),
    /** What happened then, in one word. */
    verdict: z.enum(["fired", "under_way", "failed", "not_fired", "not_due", "never_due"]),
    explanation: z.string(),
    execution: execution.nullable(),
    next_run_at: instant.nullable(),
    advice: z.string(),
  }),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "GET", path: "/v1/jobs/{job_id}/explain" },
  tool: { concise: ["verdict", "explanation", "execution", "next_run_at", "advice"] },
});
