import { toPublicId } from "../ids.ts";
import type { OutgoingRequest } from "./attempt.ts";
import type { StartedExecution } from "./start.sql.ts";

const userAgent = "scheduler/0.1";

/**
 * The request of an execution as it leaves: the job's own headers, then those that tell the receiver which
 * delivery this is. `Idempotency-Key` is the same on every attempt, and the job's own where it sets one.
 */
export function toOutgoing(execution: StartedExecution, now: Date): OutgoingRequest {
  const deliveryId = toPublicId("exec", execution.id);
  const own = Object.entries(execution.headers).map(([name, value]) => [name.toLowerCase(), value]);
  const headers: Record<string, string> = {
    "user-agent": userAgent,
    "idempotency-key": deliveryId,
    ...(Object.fromEntries(own) as Record<string, string>),
    "sched-delivery-id": deliveryId,
    "sched-attempt": String(execution.attempt_count),
    "sched-timestamp": String(Math.floor(now.getTime() / 1000)),
    "x-cron-service-job-id": toPublicId("job", execution.job_id),
    "x-cron-service-scheduled-for": execution.scheduled_for.toISOString(),
  };
  return {
    method: execution.method,
    url: execution.url,
    headers,
    body: execution.body,
    timeoutMs: execution.timeout_seconds * 1000,
    followRedirects: execution.follow_redirects,
  };
}
