import { z } from "zod";
import { instant } from "./common.ts";
import { ruleEvents } from "./rule.ts";

export const deliveryStatuses = ["pending", "sent", "failed"] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/**
 * What a delivery is made for: a job's `callback_url`; a rule; many of those together, when a channel is told more than it
 * may be in a minute (`summary`), or is told of nothing while it, a queue or a job is muted (`muted`); a test.
 */
export const deliveryKinds = ["callback", "notification", "summary", "muted", "test"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

/** One notification and its fate. */
export const delivery = z.object({
  id: z.string(),
  kind: z.enum(deliveryKinds),
  status: z.enum(deliveryStatuses),
  event: z.enum(ruleEvents).nullable(),
  channel_id: z.string().nullable(),
  execution_id: z.string().nullable(),
  job_id: z.string().nullable(),
  /** Of a callback. */
  url: z.string().nullable(),
  /** How many notifications it tells of. */
  count: z.int(),
  attempt_count: z.int(),
  next_attempt_at: instant.nullable(),
  status_code: z.int().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  created_at: instant,
  finished_at: instant.nullable(),
});
export type Delivery = z.infer<typeof delivery>;
