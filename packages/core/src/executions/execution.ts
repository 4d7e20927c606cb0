import type { Attempt, Execution, ExecutionStatus } from "@org/scheduler-contract";
import { toPublicId } from "../ids.ts";
import type { AttemptRow, ExecutionRow } from "./executions.sql.ts";

const finals = ["succeeded", "failed", "expired", "canceled", "skipped"] as const satisfies ExecutionStatus[];

/** Whether an execution is over: a final state never changes. */
export function isFinal(status: ExecutionStatus): boolean {
  return (finals as readonly ExecutionStatus[]).includes(status);
}

/** A stored execution as callers see it. */
export function toExecution(row: ExecutionRow): Execution {
  const duration =
    row.started_at && row.finished_at ? row.finished_at.getTime() - row.started_at.getTime() : null;
  const failed = row.status !== "succeeded" && row.error !== null;
  return {
    id: toPublicId("exec", row.id),
    job_id: toPublicId("job", row.job_id),
    job_name: row.job_name,
    queue: row.queue,
    trigger: row.trigger,
    status: row.status,
    reason: row.reason,
    scheduled_for: row.scheduled_for.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
    lateness_ms: row.started_at && row.started_at.getTime() - row.scheduled_for.getTime(),
    ...(row.cancel_requested_at !== null && !isFinal(row.status) && { canceling: true as const }),
    duration_ms: duration,
    attempt_count: row.attempt_count,
    max_attempts: row.max_attempts,
    next_attempt_at: row.due_at?.toISOString() ?? null,
    status_code: row.status_code,
    error: failed ? { code: row.error_code ?? row.reason ?? "error", message: row.error! } : null,
    replay_of: row.replay_of === null ? null : toPublicId("exec", row.replay_of),
    parent_execution_id: row.parent_execution_id && toPublicId("exec", row.parent_execution_id),
    context_used: row.context_used,
    cost: row.cost,
    created_at: row.created_at.toISOString(),
  };
}

/** A stored attempt as callers see it. */
export function toAttempt(row: AttemptRow): Attempt {
  const { method, url } = row.redirected_to ?? row;
  return {
    number: row.number,
    status: row.status,
    error_code: row.error_code,
    error: row.error,
    status_code: row.status_code,
    started_at: row.started_at.toISOString(),
    latency_ms: Math.round(row.latency_ms * 10) / 10,
    method,
    url,
    redirected: row.redirected_to !== null,
    method_changed: method !== row.method,
    response_headers: row.response_headers,
    response_body: row.response_body,
    response_encoding: row.response_encoding ?? "text",
    response_truncated: row.response_truncated,
  };
}
