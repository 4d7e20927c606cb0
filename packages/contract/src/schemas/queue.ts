import { z } from "zod";
import { instant } from "./common.ts";
import { retryPolicy } from "./request.ts";

/** So many requests in any period of so many seconds, retries counted. */
export const rateLimit = z.strictObject({
  max: z.int().min(1).max(100_000),
  period_seconds: z.int().min(1).max(86_400),
});

/** What the jobs of one name share, and how they stand. */
export const queue = z.object({
  id: z.string(),
  name: z.string(),
  /** How many of its executions may run at once, on all workers together; null for any number. */
  concurrency: z.int().nullable(),
  rate_limit: rateLimit.nullable(),
  paused: z.boolean(),
  /** For jobs that have none of their own, like `retry`; null for the default. */
  timeout_seconds: z.int().nullable(),
  retry: retryPolicy.nullable(),
  /** Higher goes first where workers have no room for all. */
  priority: z.int(),
  /** How many executions wait for their turn in it, counted up to 10,000. */
  waiting: z.int(),
  /** How many of them run, where the queue is limited or has a name of its own. */
  running: z.int(),
  /** Until then the notifications of its jobs are counted, not sent. */
  muted_until: instant.nullable(),
  created_at: instant,
  updated_at: instant,
});
export type Queue = z.infer<typeof queue>;
