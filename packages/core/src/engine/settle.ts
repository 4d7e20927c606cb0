import type { Answer } from "../sending/answer.ts";
import { isRefused } from "../database/away.ts";
import { reasonOf } from "../log.ts";
import { toldOf } from "../sending/told.ts";
import { type Engine, inTransaction, sessionOf } from "./engine.ts";
import { judge, type Outcome } from "../sending/outcome.ts";
import type { StartedExecution } from "../executions/life.sql.ts";
import type { MadeRoom } from "../executions/over.sql.ts";
import type { EndingSession } from "../rules/tell.ts";
import { noteReports, type Report, type SettledAttempt, settleAttempts, settleLate } from "./settle.sql.ts";

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
  const told = toldOf(answer);
  const outcome = judged(() => inTime(judge(answer, { ...rules, told }, Math.random()), execution, endedAt));
  return {
    id: execution.id,
    number: execution.attempt_count,
    next_status: outcome.next,
    retry_ms: outcome.retryMs,
    calls_back: execution.callback_url !== null,
    may_be_told: execution.has_rules,
    report: execution.for_agent ? reportIn(told.body) : null,
    interrupted: outcome.status === "interrupted",
    terminal: outcome.terminal,
    status: outcome.status,
    error_code: outcome.errorCode,
    error: outcome.error,
    status_code: answer.statusCode,
    started_at: startedAt,
    latency_ms: answer.latencyMs,
    response_headers: told.headers,
    response_body: told.body,
    response_encoding: told.encoding === "base64" ? "base64" : null,
    response_truncated: told.truncated,
    redirected_to: told.redirectedTo,
  };
}

/** What an agent's answer says that it took; null where it says nothing of it. */
function reportIn(body: string | null): Report | null {
  try {
    const { context_used, cost } = JSON.parse(body ?? "") as Record<string, unknown>;
    const report = { context_used: amountIn(context_used), cost: amountIn(cost) };
    return report.context_used === null && report.cost === null ? null : report;
  } catch {
    return null;
  }
}

function amountIn(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : null;
}

/** Whatever an answer does to the one who judges it, its request was sent, and must not be sent again for that. */
function judged(outcomeOf: () => Outcome): Outcome {
  try {
    return outcomeOf();
  } catch (error) {
    return { ...unusable, error: `The answer could not be judged: ${reasonOf(error)}.` };
  }
}

const unusable = {
  status: "http_error",
  errorCode: "unusable",
  next: "failed",
  retryMs: null,
  terminal: false,
} as const;

/** A retry that would come too late is none. */
function inTime(outcome: Outcome, { expires_at }: StartedExecution, endedAt: number): Outcome {
  const { retryMs } = outcome;
  if (retryMs === null || expires_at === null || endedAt + retryMs < expires_at.getTime()) return outcome;
  return { ...outcome, next: "expired", retryMs: null };
}

/** How much one statement writes at the most: outcomes, and characters of response bodies, which make it heavy. */
const most = { outcomes: 500, characters: 8 * 1024 * 1024 };

function batchOf(waiting: SettledAttempt[]): SettledAttempt[] {
  let characters = 0;
  const batch = waiting.slice(0, most.outcomes);
  const end = batch.findIndex(
    ({ response_body: body }) => (characters += body?.length ?? 0) > most.characters,
  );
  return end === -1 ? batch : batch.slice(0, Math.max(1, end));
}

/**
 * Writes outcomes in batches. What could not be written stays first in `waiting`: the outcomes of requests that were
 * really sent are kept until the database takes them. Those that it refuses in every form go to `refused`. Answers
 * whether others may have waited for them.
 */
export async function settle(
  engine: Engine,
  workerId: string,
  waiting: SettledAttempt[],
  refused: SettledAttempt[] = [],
): Promise<MadeRoom> {
  const made: MadeRoom = { guarded: false, freed: false };
  while (waiting.length > 0) {
    const attempts = batchOf(waiting);
    await write({ engine, workerId, made, refused }, attempts);
    waiting.splice(0, attempts.length);
  }
  return made;
}

interface Writing {
  engine: Engine;
  workerId: string;
  made: MadeRoom;
  refused: SettledAttempt[];
}

async function write(writing: Writing, attempts: SettledAttempt[]): Promise<void> {
  const { engine } = writing;
  try {
    const batch = { attempts, workerId: writing.workerId };
    const { ids, ...room } = await ending(engine, attempts, async (session) => {
      const settled = await settleAttempts(session, batch);
      await noteReports(
        session,
        attempts.filter(({ id }) => settled.ids.has(id)),
      );
      return settled;
    });
    noteRoom(writing, room);
    const rest = attempts.filter(({ id }) => !ids.has(id));
    if (rest.length > 0) await writeLate(writing, rest);
  } catch (error) {
    if (!isRefused(error)) throw error;
    // One outcome that PostgreSQL will not store must not hold up all the others for ever.
    if (attempts.length > 1) for (const attempt of attempts) await write(writing, [attempt]);
    else await writeLess(writing, attempts[0]!, error);
  }
}

/** Whether somebody may be told of the end: then more statements follow the one that writes it. */
export function mayTell(attempt: SettledAttempt): boolean {
  return attempt.calls_back || attempt.may_be_told;
}

/** Where nobody can be told of any of the ends, and no agent reports, the statement is a transaction by itself. */
function ending<Answer>(
  engine: Engine,
  attempts: SettledAttempt[],
  write: (session: EndingSession) => Promise<Answer>,
): Promise<Answer> {
  const isMore = attempts.some((attempt) => mayTell(attempt) || attempt.report !== null);
  return isMore ? inTransaction(engine, write) : write(sessionOf(engine));
}

/** What was taken back meanwhile, or was written before, when the answer to that was lost. */
async function writeLate(writing: Writing, attempts: SettledAttempt[]): Promise<void> {
  const { engine, workerId } = writing;
  const batch = { attempts, workerId };
  const { ids, recorded, ...room } = await ending(engine, attempts, async (session) => {
    const settled = await settleLate(session, batch);
    await noteReports(
      session,
      attempts.filter(({ id }) => settled.ids.has(id)),
    );
    return settled;
  });
  noteRoom(writing, room);
  for (const execution of recorded) {
    if (ids.has(execution)) continue;
    engine.log.warn({ execution }, "an outcome came too late: its execution was taken back");
  }
}

function noteRoom({ made }: Writing, { guarded, freed }: MadeRoom): void {
  made.guarded ||= guarded;
  made.freed ||= freed;
}

/** What the target sent is left out first, and then all but that the request was sent. */
async function writeLess(writing: Writing, attempt: SettledAttempt, error: unknown): Promise<void> {
  if (attempt.error !== notStorable) return write(writing, [withoutTexts(attempt)]);
  if (attempt.error_code !== unusable.errorCode) return write(writing, [bare(attempt)]);
  writing.engine.log.error(
    { execution: attempt.id, err: error },
    "an outcome cannot be stored; trying again later",
  );
  writing.refused.push(attempt);
}

function withoutTexts(attempt: SettledAttempt): SettledAttempt {
  return {
    ...attempt,
    response_headers: null,
    response_body: null,
    response_encoding: null,
    redirected_to: null,
    report: null,
    error: notStorable,
  };
}

function bare(attempt: SettledAttempt): SettledAttempt {
  return {
    ...withoutTexts(attempt),
    interrupted: false,
    status: unusable.status,
    error_code: unusable.errorCode,
    next_status: unusable.next,
    retry_ms: unusable.retryMs,
    terminal: unusable.terminal,
    status_code: null,
    started_at: new Date(),
    latency_ms: 0,
  };
}

const notStorable = "What the target answered could not be stored.";
