import { z } from "zod";
import { instant } from "./common.ts";

export const deliveryStatuses = ["pending", "sent", "failed"] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** What a delivery is made for; there will be more. */
const deliveryKinds = ["callback"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

/** One notification and its fate. */
export const delivery = z.object({
  id: z.string(),
  kind: z.enum(deliveryKinds),
  status: z.enum(deliveryStatuses),
  execution_id: z.string(),
  job_id: z.string(),
  url: z.string(),
  attempt_count: z.int(),
  next_attempt_at: instant.nullable(),
  status_code: z.int().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  created_at: instant,
  finished_at: instant.nullable(),
});
export type Delivery = z.infer<typeof delivery>;
