import type { Delivery } from "@org/scheduler-contract";
import { type IdPrefix, toPublicId } from "../ids.ts";
import { countOf } from "../rules/rule.ts";
import type { DeliveryRow } from "./deliveries.sql.ts";

/** A stored delivery as callers see it. */
export function toDelivery(row: DeliveryRow): Delivery {
  const failed = row.status !== "sent" && row.error !== null;
  return {
    id: toPublicId("dlv", row.id),
    kind: row.kind,
    status: row.status,
    event: row.event,
    channel_id: publicId("chan", row.channel_id),
    execution_id: publicId("exec", row.execution_id),
    job_id: publicId("job", row.job_id),
    url: row.url,
    count: row.about?.gathered ? countOf(row.about.gathered) : 1,
    attempt_count: row.attempt_count,
    next_attempt_at: row.due_at?.toISOString() ?? null,
    status_code: row.status_code,
    error: failed ? { code: row.error_code ?? "error", message: row.error! } : null,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}

function publicId(prefix: IdPrefix, id: string | null): string | null {
  return id === null ? null : toPublicId(prefix, id);
}
