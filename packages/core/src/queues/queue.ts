import type { Queue } from "@org/scheduler-contract";
import { toPublicId } from "../ids.ts";
import type { QueueRow } from "./queues.sql.ts";

/** The queue of a job that names none. */
export const defaultQueue = "default";

/** A stored queue as callers see it. */
export function toQueue(row: QueueRow): Queue {
  const { rate_max, rate_period_seconds } = row;
  return {
    id: toPublicId("queue", row.id),
    name: row.name,
    concurrency: row.concurrency,
    rate_limit:
      rate_max === null || rate_period_seconds === null
        ? null
        : { max: rate_max, period_seconds: rate_period_seconds },
    paused: row.paused,
    timeout_seconds: row.timeout_seconds,
    retry: row.retry,
    priority: row.priority,
    waiting: row.waiting,
    running: row.running,
    muted_until: row.muted_until?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
