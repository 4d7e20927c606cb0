import { z } from "zod";
import { operation } from "../operation.ts";
import { instant } from "../schemas/common.ts";

export const getSlo = operation({
  name: "get_slo",
  title: "Service level",
  description: "Show how punctual and how complete the recent executions were, from the records themselves.",
  input: z.strictObject({
    window_seconds: z.int().min(60).max(86_400).default(3600).describe("how far back to look"),
  }),
  output: z.object({
    from: instant,
    to: instant,
    /** Executions created in the window, skipped ones not counted. */
    executions: z.int(),
    failed: z.int(),
    /** Rows of slots that passed while nobody planned. */
    missed: z.int(),
    /** Executions whose request may have been sent twice, since a worker was lost under them. */
    duplicates: z.int(),
    /** From the instant a slot was due to its first request leaving; null without any. */
    lateness_ms: z.object({ p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() }).nullable(),
    /** How long the oldest due slot of all workspaces has been waiting for a planner. */
    oldest_due_seconds: z.number(),
  }),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "executions",
  http: { method: "GET", path: "/v1/slo" },
});
