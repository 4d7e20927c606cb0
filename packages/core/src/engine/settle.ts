import type { Answer } from "./attempt.ts";
import type { Engine } from "./engine.ts";
import { judge, type Outcome } from "./outcome.ts";
import { type JobHealth, type SettledAttempt, settleAttempts } from "./settle.sql.ts";
import type { StartedExecution } from "./start.sql.ts";

/** One finished attempt, ready to be written. */
export function toSettled(execution: StartedExecution, answer: Answer, startedAt: Date): SettledAttempt {
  const endedAt = startedAt.getTime() + answer.latencyMs;
  const rules = {
    attempts: execution.attempt_count - execution.interruptions,
    successStatuses: execution.success_statuses,
    assertions: execution.assertions,
    retry: execution.retry,
    now: endedAt,
  };
  const outcome = inTime(judge(answer, rules, Math.random()), execution, endedAt);
  return {
    scope_id: execution.scope_id,
    id: execution.id,
    job_id: execution.job_id,
    trigger: execution.trigger,
    number: execution.attempt_count,
    next_status: outcome.next,
    retry_ms: outcome.retryMs,
    calls_back: execution.callback_url === null ? undefined : true,
    interrupted: outcome.status === "interrupted",
    terminal: outcome.terminal,
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

/** A retry that would come too late is none. */
function inTime(outcome: Outcome, { expires_at }: StartedExecution, endedAt: number): Outcome {
  const { retryMs } = outcome;
  if (retryMs === null || expires_at === null || endedAt + retryMs < expires_at.getTime()) return outcome;
  return { ...outcome, next: "expired", retryMs: null };
}

/** How many outcomes one statement writes at the most; response bodies make the statement heavy. */
const batchSize = 200;

/**
 * Writes outcomes in batches. What could not be written stays first in `waiting`: the outcomes of requests that were
 * really sent are kept until the database takes them. Answers whether others may have waited for them.
 */
export async function settle(engine: Engine, workerId: string, waiting: SettledAttempt[]): Promise<MadeRoom> {
  const made = { guarded: false, freed: false };
  while (waiting.length > 0) {
    const attempts = waiting.slice(0, batchSize);
    const { guarded, freed } = await write(engine, workerId, attempts);
    made.guarded ||= guarded;
    made.freed ||= freed;
    waiting.splice(0, attempts.length);
  }
  return made;
}

/** For whom a batch may have made room: executions of the same jobs, or of the same queues. */
interface MadeRoom {
  guarded: boolean;
  freed: boolean;
}

async function write(engine: Engine, workerId: string, attempts: SettledAttempt[]): Promise<MadeRoom> {
  let settled: Awaited<ReturnType<typeof settleAttempts>>;
  try {
    const batch = { attempts, health: toHealth(attempts), workerId };
    settled = await settleAttempts(engine.database.db, batch, engine.clock.now());
  } catch (error) {
    if (!isRefused(error)) throw error;
    // One outcome that PostgreSQL will not store must not hold up all the others for ever.
    const [first] = attempts;
    if (attempts.length > 1) for (const attempt of attempts) await write(engine, workerId, [attempt]);
    else if (first!.error !== notStorable) await write(engine, workerId, [withoutTexts(first!)]);
    // Dropped here, the execution is found as a stray and goes on.
    else engine.log.error({ execution: first!.id, err: error }, "an outcome cannot be stored");
    return { guarded: true, freed: true };
  }
  for (const { id, number } of attempts) {
    if (settled.ids.has(id)) continue;
    engine.log.warn(
      { execution: id, attempt: number },
      "an outcome came too late: its execution was taken back",
    );
  }
  return settled;
}

/** Data that the database refuses whenever it is tried: SQLSTATE classes 22 and 23. */
export function isRefused(error: unknown): boolean {
  return /^2[23]/.test((error as { code?: string } | null)?.code ?? "");
}

function withoutTexts(attempt: SettledAttempt): SettledAttempt {
  return { ...attempt, response_headers: null, response_body: null, error: notStorable };
}

const notStorable = "What the target answered could not be stored.";

/**
 * Folds a batch into its jobs, in the order of job ids: every worker locks jobs in that order, so that no two wait
 * for each other.
 */
function toHealth(attempts: SettledAttempt[]): JobHealth[] {
  const jobs = new Map<string, JobHealth>();
  for (const { job_id, trigger, next_status, started_at } of attempts) {
    const before = jobs.get(job_id) ?? { any_success: false, failures: 0, slot_over: false };
    const succeeded = next_status === "succeeded";
    jobs.set(job_id, {
      id: job_id,
      last_run_at: started_at,
      last_status: next_status,
      any_success: before.any_success || succeeded,
      failures: succeeded
        ? 0
        : before.failures + Number(next_status === "failed" || next_status === "expired"),
      slot_over: before.slot_over || (trigger === "schedule" && next_status !== "retrying"),
    });
  }
  return [...jobs.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}
