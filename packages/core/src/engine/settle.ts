import type { Answer } from "./attempt.ts";
import type { Engine } from "./engine.ts";
import { type SettledAttempt, settleAttempts, type StartedExecution } from "./engine.sql.ts";
import { judge } from "./outcome.ts";

/** One finished attempt, ready to be written. */
export function toSettled(execution: StartedExecution, answer: Answer, startedAt: Date): SettledAttempt {
  const rules = {
    attempts: execution.attempt_count - execution.interruptions,
    successStatuses: execution.success_statuses,
    retry: execution.retry,
  };
  const outcome = judge(answer, rules, Math.random());
  return {
    scope_id: execution.scope_id,
    id: execution.id,
    job_id: execution.job_id,
    number: execution.attempt_count,
    next_status: outcome.next,
    retry_ms: outcome.retryMs,
    interrupted: outcome.status === "interrupted",
    status: outcome.status,
    error_code: outcome.errorCode,
    error: outcome.error,
    status_code: answer.statusCode,
    started_at: startedAt,
    latency_ms: answer.latencyMs,
    response_headers: answer.headers,
    response_body: answer.body,
    response_truncated: answer.truncated,
  };
}

/** How many outcomes one statement writes at the most; response bodies make the statement heavy. */
const batchSize = 200;

/**
 * Writes outcomes in batches. What could not be written stays first in `waiting`: the outcomes of requests that
 * were really sent are kept until the database takes them.
 */
export async function settle(engine: Engine, workerId: string, waiting: SettledAttempt[]): Promise<number> {
  let written = 0;
  while (waiting.length > 0) {
    const batch = waiting.slice(0, batchSize);
    const settled = await settleAttempts(engine.database.db, batch, workerId, engine.clock.now());
    waiting.splice(0, batch.length);
    written += settled.size;
    for (const attempt of batch) {
      if (!settled.has(attempt.id)) {
        engine.log.warn(
          { execution: attempt.id, attempt: attempt.number },
          "an outcome came too late: the execution had been taken back",
        );
      }
    }
  }
  return written;
}
