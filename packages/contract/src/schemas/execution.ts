import { z } from "zod";
import { instant } from "./common.ts";

export const executionStatuses = [
  "pending",
  "running",
  "retrying",
  "succeeded",
  "failed",
  "expired",
  "canceled",
  "skipped",
] as const;
export type ExecutionStatus = (typeof executionStatuses)[number];

export const triggers = ["schedule", "manual", "replay", "api"] as const;
export type Trigger = (typeof triggers)[number];

const attemptStatuses = [
  "succeeded",
  "http_error",
  "timeout",
  "connection_error",
  "blocked",
  "interrupted",
  "canceled",
] as const;
export type AttemptStatus = (typeof attemptStatuses)[number];

/** What went wrong with an attempt, finer than its status. */
const attemptErrorCodes = [
  "dns",
  "refused",
  "reset",
  "tls",
  "timeout",
  "status",
  "assertion",
  // The answer can be neither judged nor stored.
  "unusable",
  "redirect",
  "circuit_open",
  "address_blocked",
  "invalid_request",
  "signing",
  "secret_missing",
  // Of deliveries: the service says for good that there is no such channel any more.
  "gone",
  "connection",
  "worker_lost",
  "canceled",
] as const;
export type AttemptErrorCode = (typeof attemptErrorCodes)[number];

/** What executions are looked for by. */
export const executionErrorCode = z.enum(attemptErrorCodes).exclude(["gone"]);

const attempt = z.object({
  number: z.int(),
  status: z.enum(attemptStatuses),
  error_code: z.enum(attemptErrorCodes).nullable(),
  error: z.string().nullable(),
  status_code: z.int().nullable(),
  started_at: instant,
  latency_ms: z.number(),
  /** Of the last request: a redirect may have led elsewhere, and changed the method. */
  method: z.string(),
  url: z.string(),
  redirected: z.boolean(),
  method_changed: z.boolean(),
  /** Of set-cookie, all of them. */
  response_headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).nullable(),
  /** Untrusted text from the target, decoded, at most 64 KiB. */
  response_body: z.string().nullable(),
  /** base64: what could not be read as text is here as its bytes. */
  response_encoding: z.enum(["text", "base64"]),
  response_truncated: z.boolean(),
});
export type Attempt = z.infer<typeof attempt>;

/** What became of one slot, or of one manual run or replay. */
export const execution = z.object({
  id: z.string(),
  job_id: z.string(),
  /** Null once the job itself is gone. */
  job_name: z.string().nullable(),
  queue: z.string(),
  trigger: z.enum(triggers),
  status: z.enum(executionStatuses),
  reason: z.string().nullable(),
  scheduled_for: instant,
  started_at: instant.nullable(),
  finished_at: instant.nullable(),
  /** How much later than it was due its first request left. */
  lateness_ms: z.number().nullable(),
  /** It is to be canceled, and its request has not been ended yet. */
  canceling: z.literal(true).optional(),
  duration_ms: z.number().nullable(),
  attempt_count: z.int(),
  max_attempts: z.int(),
  next_attempt_at: instant.nullable(),
  status_code: z.int().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  replay_of: z.string().nullable(),
  /** The execution that asked for this one. */
  parent_execution_id: z.string().nullable(),
  /** What the agent that it was for said that it took. */
  context_used: z.number().nullable(),
  cost: z.number().nullable(),
  created_at: instant,
});
export type Execution = z.infer<typeof execution>;

export const executionWithAttempts = execution.extend({ attempts: z.array(attempt) });
export type ExecutionWithAttempts = z.infer<typeof executionWithAttempts>;
