import { z } from "zod";
import { instant, statuses } from "./common.ts";
import { assertion, methods, retryPolicy } from "./request.ts";

export const jobStates = ["draft", "active", "paused", "completed", "canceled"] as const;
export type JobState = (typeof jobStates)[number];

/** `one_time` is due at once, `scheduled` at an instant, `recurring` every N minutes. */
export const jobKinds = ["one_time", "scheduled", "cron", "recurring"] as const;
export type JobKind = (typeof jobKinds)[number];

/** What a slot does that comes while an execution of its job is not over. */
export const overlaps = ["allow", "skip", "queue", "cancel_previous"] as const;
export type Overlap = (typeof overlaps)[number];

/** What happens to slots that passed while no worker was planning: none of them fires, the latest, or all. */
export const catchUps = ["skip", "latest", "all"] as const;
export type CatchUp = (typeof catchUps)[number];

export const job = z.object({
  id: z.string(),
  number: z.int(),
  key: z.string().nullable(),
  name: z.string(),
  description: z.string().nullable(),
  state: z.enum(jobStates),
  kind: z.enum(jobKinds),
  /** Null where it sends messages to an agent. */
  url: z.string().nullable(),
  method: z.enum(methods),
  headers: z.record(z.string(), z.string()),
  body: z.string().nullable(),
  cron: z.string().nullable(),
  every_n_minutes: z.int().nullable(),
  run_at: instant.nullable(),
  timezone: z.string(),
  start_at: instant.nullable(),
  end_at: instant.nullable(),
  schedule_description: z.string(),
  max_runs: z.int().nullable(),
  jitter_seconds: z.int().nullable(),
  ttl_seconds: z.int().nullable(),
  overlap: z.enum(overlaps),
  catch_up: z.enum(catchUps),
  catch_up_window_seconds: z.int(),
  catch_up_max_runs: z.int(),
  queue: z.string(),
  /** Its own, else its queue's, else the default. */
  timeout_seconds: z.int(),
  success_statuses: statuses,
  assertions: z.array(assertion),
  follow_redirects: z.boolean(),
  /** Its own, else its queue's, else the default. */
  retry: retryPolicy,
  callback_url: z.string().nullable(),
  /** After so many failures in a row it is alerted. */
  alert_threshold: z.int().nullable(),
  /** Until then its notifications are counted, not sent. */
  muted_until: instant.nullable(),
  metadata: z.record(z.string(), z.string()),
  /** Whose it is: of the agent whose key made it, or of the one that it sends messages to. */
  agent: z.string().nullable(),
  /** What it tells its agent, where it is a schedule of one. */
  message: z.string().nullable(),
  /** The key that made it; null for a JWT. */
  token_id: z.string().nullable(),
  /** The execution that made it. */
  parent_execution_id: z.string().nullable(),
  consecutive_failures: z.int(),
  is_alerted: z.boolean(),
  last_run_at: instant.nullable(),
  last_status: z.string().nullable(),
  next_run_at: instant.nullable(),
  /** The same as the clocks of its time zone show it. */
  next_run_local: z.string().nullable(),
  next_runs: z.array(instant),
  created_by: z.string(),
  created_at: instant,
  updated_at: instant,
});
export type Job = z.infer<typeof job>;

/** What a job has where nobody says anything. */
export const usualJob = {
  key: null,
  description: null,
  headers: {},
  body: null,
  start_at: null,
  end_at: null,
  max_runs: null,
  jitter_seconds: null,
  ttl_seconds: null,
  overlap: "allow",
  catch_up: "latest",
  catch_up_window_seconds: 86_400,
  catch_up_max_runs: 100,
  queue: "default",
  timeout_seconds: 30,
  success_statuses: ["2xx"],
  assertions: [],
  follow_redirects: false,
  retry: {
    max_attempts: 8,
    strategy: "exponential",
    base_seconds: 5,
    factor: 2,
    max_seconds: 3600,
    delays_seconds: [],
    jitter: true,
    retry_on_statuses: [408, 425, 429, "5xx"],
  },
  callback_url: null,
  alert_threshold: null,
  muted_until: null,
  is_alerted: false,
  metadata: {},
  agent: null,
  message: null,
} satisfies Partial<Job>;

/** A job that was changed, or would have been. */
export const changedJob = job.extend({
  dry_run: z.literal(true).optional(),
  /** The fields that are not as they were. */
  changed: z.array(z.string()).optional(),
  /** Of a job that runs now: its execution. */
  execution_id: z.string().optional(),
  /** What may surprise: in its request, and of a dry run in its runs, as `preview_schedule` tells it. */
  notes: z.array(z.string()).optional(),
});
