import { z } from "zod";
import { operation } from "../operation.ts";
import { id, page, pageInput } from "../schemas/common.ts";
import { delivery, deliveryStatuses } from "../schemas/delivery.ts";

const concise = ["id", "execution_id", "status", "attempt_count", "status_code", "error"] as const;

export const listDeliveries = operation({
  name: "list_deliveries",
  title: "List deliveries",
  description:
    "List deliveries: callbacks and notifications that tell of finished executions, and whether they were sent or failed.",
  input: z.strictObject({
    status: z.enum(deliveryStatuses).optional(),
    execution_id: id.optional(),
    job_id: id.optional(),
    ...pageInput,
  }),
  output: page(delivery),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  http: { method: "GET", path: "/v1/deliveries" },
  tool: { toolset: "notifications", concise },
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
  http: { method: "POST", path: "/v1/deliveries/{delivery_id}/retry" },
  tool: { toolset: "notifications", concise },
});
