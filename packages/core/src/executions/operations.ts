import { setTimeout as sleep } from "node:timers/promises";
import { type ExecutionWithAttempts, type ParsedInput, SchedulerError } from "@org/scheduler-contract";
import { reachOf } from "../access/reach.sql.ts";
import { signal } from "../database/signals.ts";
import { firstIdAt, toPublicId } from "../ids.ts";
import { type Handlers, type ReadContext, sessionIn } from "../operations/context.ts";
import { takeRun } from "../jobs/budget.ts";
import { requireJob, requireJobKey } from "../jobs/require.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { markReplayed } from "./dead-letters.sql.ts";
import { requireExecution, requireReplay } from "./require.ts";
import { isFinal, toAttempt, toExecution } from "./execution.ts";
import {
  countExecutions,
  findAttempts,
  findExecution,
  listExecutions,
  requestCancel,
} from "./executions.sql.ts";
import { cancelWaiting } from "./life.sql.ts";
import { readSpan } from "./span.ts";
import { startExecution } from "./start.ts";
import { untilOver } from "./until-over.ts";

type Names =
  "list_executions" | "get_execution" | "wait_for_execution" | "replay_execution" | "cancel_execution";

export const executionOperations: Handlers<Names> = {
  async list_executions({ db, caller }, input) {
    const jobId = input.job_id === undefined ? undefined : await requireJobKey(db, caller, input.job_id);
    const { from, to } = readSpan(input);
    const filter = {
      reach: reachOf(caller, "executions"),
      jobId,
      status: input.status,
      trigger: input.trigger,
      queue: input.queue,
      errorCode: input.error_code,
      errorContains: input.error_contains,
      host: input.host,
      replayId: input.replay_id && (await requireReplay(db, caller, input.replay_id)).id,
      fromId: from && firstIdAt(from),
      beforeId: to && firstIdAt(to),
    };
    const beforeId = earlier(readCursor("exec", input.cursor), filter.beforeId);
    const { limit } = input;
    const { rows, lookedTo } = await listExecutions(db, caller.scopeId, {
      filter: { ...filter, beforeId },
      limit,
    });
    const page = { limit, prefix: "exec", view: toExecution } as const;
    const answer = toPage(rows, { ...page, ...(lookedTo !== undefined && { lookedTo }) });
    if (!input.counts) return answer;
    const counted = { ...filter, fromId: later(filter.fromId, lookedTo) };
    const counts = await countExecutions(db, caller.scopeId, counted);
    return { ...answer, counts: { ...counts, capped: counts.capped || lookedTo !== undefined } };
  },

  get_execution: (context, input) => waitFor(context, input.execution_id, input.wait_seconds),
  wait_for_execution: waitForEither,

  async replay_execution(context, input) {
    const { tx, caller, now } = context;
    const original = await requireExecution(tx, caller, input.execution_id, "trigger");
    if (!isFinal(original.status)) {
      throw new SchedulerError(
        "conflict",
        `This execution is ${original.status}; only a finished one can be replayed.`,
        {
          hint: `Wait for it with wait_for_execution {"execution_id": "${input.execution_id}"}.`,
        },
      );
    }
    if (caller.bounds) {
      const job = await requireJob(tx, caller, toPublicId("job", original.job_id), "trigger");
      await takeRun(context, job, now);
    }
    await markReplayed(tx, original.id, now);
    return startExecution(
      { tx, caller, now },
      {
        jobId: original.job_id,
        queue: original.queue,
        revisionId: original.revision_id,
        trigger: "replay",
        replayOf: original.id,
        expiresAt: null,
        guarded: false,
      },
    );
  },

  async cancel_execution(context, input) {
    const { tx, caller, now } = context;
    const row = await requireExecution(tx, caller, input.execution_id, "trigger");
    if (isFinal(row.status)) return toExecution(row);
    const ended = await cancelWaiting(sessionIn(context), { id: row.id, scope_id: caller.scopeId });
    if (!ended) {
      // The worker that holds it aborts the request and records that. The notice makes it quick, the mark makes it sure.
      await requestCancel(tx, row.id, now);
      await signal(tx, "cancel", row.id);
    }
    return toExecution((await findExecution(tx, { scopeId: caller.scopeId }, row.id))!);
  },
};

/** How often a job is looked at that has had no execution yet. */
const lookForFirstMs = 250;

async function waitForEither(
  context: ReadContext,
  { execution_id: id, job_id: jobId, wait_seconds: seconds }: ParsedInput<"wait_for_execution">,
): Promise<ExecutionWithAttempts> {
  if ((id === undefined) === (jobId === undefined)) {
    throw new SchedulerError("invalid_input", "It is not clear what to wait for.", {
      field: "execution_id",
      hint: "Give execution_id or job_id, one of the two.",
    });
  }
  if (id !== undefined) return waitFor(context, id, seconds);
  const { db, caller, signal } = context;
  const job = await requireJobKey(db, caller, jobId!);
  const giveUp = performance.now() + seconds * 1000;
  for (;;) {
    const page = { filter: { jobId: job }, limit: 1 };
    const [newest] = (await listExecutions(db, caller.scopeId, page)).rows;
    const left = giveUp - performance.now();
    if (newest) return waitFor(context, toPublicId("exec", newest.id), Math.max(0, left) / 1000);
    if (left <= 0 || signal?.aborted) throw nothingYet(jobId!);
    await sleep(Math.min(lookForFirstMs, left), undefined, { signal }).catch(() => {});
  }
}

function nothingYet(jobId: string): SchedulerError {
  return new SchedulerError("conflict", `${jobId.slice(0, 64)} has had no execution yet.`, {
    field: "job_id",
    hint: "run_job starts one; explain_job says why there is none.",
  });
}

/** Answers when the execution is over, the time is up or nobody waits any more. */
async function waitFor(
  context: ReadContext,
  id: string,
  waitSeconds: number,
): Promise<ExecutionWithAttempts> {
  const { db, caller, signal } = context;
  const giveUp = performance.now() + waitSeconds * 1000;
  let row = await requireExecution(db, caller, id);
  for (;;) {
    const left = giveUp - performance.now();
    if (isFinal(row.status) || left <= 0 || signal?.aborted) break;
    await untilOver(db, row.id, left, signal);
    row = await requireExecution(db, caller, id);
  }
  const attempts = await findAttempts(db, caller.scopeId, row.id);
  return { ...toExecution(row), attempts: attempts.map(toAttempt) };
}

function later(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one > other ? one : other;
}

function earlier(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}
