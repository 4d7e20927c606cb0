import { z } from "zod";
import { instant } from "./common.ts";
import { slug } from "./request.ts";
import { id } from "./common.ts";

/**
 * When somebody is told. The first three are of each execution, the others of an incident: once, however long it lasts.
 *
 * - `on_failure`: after the last attempt; also of what expired.
 * - `on_completion`: whatever became of it.
 * - `on_first_failure`, `on_alert`: the first failure in a row, the `threshold`-th; `on_recovery`: the success after that.
 * - `on_missed`: slots passed while no worker was planning.
 * - `on_overrun`: a request took, or has taken, longer than `seconds`, or `times` what it usually takes.
 */
export const ruleEvents = [
  "on_success",
  "on_failure",
  "on_completion",
  "on_first_failure",
  "on_alert",
  "on_recovery",
  "on_missed",
  "on_overrun",
] as const;
export type RuleEvent = (typeof ruleEvents)[number];

export const alertThreshold = z.int().min(1).max(100);

/** What a rule says; of each job, where it names neither job nor queue. */
export const ruleInput = {
  channel_id: id,
  event: z.enum(ruleEvents),
  threshold: alertThreshold.optional().describe("of on_alert: failures in a row"),
  seconds: z.number().min(0.001).max(86_400).optional().describe("of on_overrun"),
  times: z.number().min(1).max(1000).optional().describe("the usual duration"),
};

export const ruleScope = {
  job_id: id.optional(),
  queue: slug.optional(),
};

/** When a channel is told. */
export const rule = z.object({
  id: z.string(),
  channel_id: z.string(),
  channel_name: z.string(),
  event: z.enum(ruleEvents),
  job_id: z.string().nullable(),
  queue: z.string().nullable(),
  threshold: z.int().nullable(),
  seconds: z.number().nullable(),
  times: z.number().nullable(),
  created_by: z.string(),
  created_at: instant,
});
export type Rule = z.infer<typeof rule>;
