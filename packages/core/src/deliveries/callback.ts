import { toAttempt, toExecution } from "../executions/execution.ts";
import { toPublicId } from "../ids.ts";
import type { Message } from "../sending/outgoing.ts";
import type { AboutExecution, Told } from "./deliver.sql.ts";

/** A receiver only takes notice: it need not be waited for as long as one that does the work. */
export const timeoutMs = 15_000;

/** What programs are told of an execution, and of its last attempt. */
export function payloadOf({ execution, attempt }: AboutExecution) {
  const job = {
    id: toPublicId("job", execution.job_id),
    name: execution.job_name,
    metadata: execution.job_metadata,
  };
  return {
    job,
    execution: toExecution(execution),
    attempt: attempt === undefined ? null : toAttempt(attempt),
  };
}

/** The request that tells a job's own receiver of an end. */
export function callbackOf(delivery: Told & { url: string }, number: number, about: AboutExecution): Message {
  const deliveryId = toPublicId("dlv", delivery.id);
  const payload = payloadOf(about);
  return {
    deliveryId,
    attempt: number,
    jobId: payload.job.id,
    scheduledFor: about.execution.scheduled_for,
    method: "POST",
    url: delivery.url,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      type: "execution.finished",
      id: deliveryId,
      created_at: delivery.created_at.toISOString(),
      ...payload,
    }),
    timeoutMs,
    followRedirects: false,
  };
}
