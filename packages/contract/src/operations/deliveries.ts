import { z } from "zod";
import { operation } from "../operation.ts";
import { id, page, pageInput } from "../schemas/common.ts";
import { delivery, deliveryKinds, deliveryStatuses } from "../schemas/delivery.ts";

const concise = ["id", "kind", "status", "execution_id", "attempt_count", "status_code", "error"] as const;
const unless = { event: null, channel_id: null, job_id: null, count: 1 };

export const listDeliveries = operation({
  name: "list_deliveries",
  title: "List deliveries",
  description: "List deliveries: notifications, alerts and callbacks that were sent, are pending, or failed.",
  input: z.strictObject({
    status: z.enum(deliveryStatuses).optional(),
    kind: z.enum(deliveryKinds).optional(),
    channel_id: id.optional(),
    execution_id: id.optional(),
    job_id: id.optional(),
    ...pageInput,
  }),
  output: page(delivery),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "GET", path: "/v1/deliveries" },
  tool: { concise, unless },
});

export const retryDelivery = operation({
  name: "retry_delivery",
  title: "Retry a delivery",
  description: "Retry or resend a delivery: a callback or notification that failed.",
  input: z.strictObject({ delivery_id: id }),
  output: delivery,
  risk: "execute",
  access: "any_caller",
  idempotent: false,
  toolset: "notifications",
  http: { method: "POST", path: "/v1/deliveries/{delivery_id}/retry" },
  tool: { concise, unless },
});
