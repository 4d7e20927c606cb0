import type { Output, ParsedInput } from "@org/scheduler-contract";
import { isFinal, toExecution } from "../executions/execution.ts";
import { type ExecutionRow, findLastSlot, findNewest } from "../executions/executions.sql.ts";
import { toPublicId } from "../ids.ts";
import type { ReadContext } from "../operations/context.ts";
import { nextRun } from "../time/next-run.ts";
import { toQueue } from "../queues/queue.ts";
import { findQueue } from "../queues/queues.sql.ts";
import { findOpenCircuit } from "./circuits.sql.ts";
import {
  explainCircuit,
  explainExecution,
  explainFuture,
  explainOverdue,
  explainPutBack,
  explainSilence,
  type Finding,
  outlook,
} from "./findings.ts";
import { toSchedule } from "./job.ts";
import type { JobRow } from "./jobs.sql.ts";
import { requireJob } from "./require.ts";

/** Says why a job did or did not fire, from the ledger of its slots. */
export async function explain(
  context: ReadContext,
  input: ParsedInput<"explain_job">,
): Promise<Output<"explain_job">> {
  const { db, caller } = context;
  const job = await requireJob(db, caller, input.job_id);
  const explained = await explainSlot(context, input, job);
  const isAboutNow = explained.verdict === "under_way" || (input.at === undefined && job.state === "active");
  if (!isAboutNow) return explained;
  const circuit = await findOpenCircuit(db, { scopeId: caller.scopeId, host: job.host });
  return circuit === null ? explained : { ...explained, ...explainCircuit(explained, job.host, circuit) };
}

async function explainSlot(
  { db, caller, now }: ReadContext,
  input: ParsedInput<"explain_job">,
  job: JobRow,
): Promise<Output<"explain_job">> {
  const at = input.at === undefined ? null : new Date(input.at);
  const next = job.next_run_at;
  const answer = { job_id: toPublicId("job", job.id), next_run_at: next?.toISOString() ?? null };
  const present = await now();
  const silence = () => ({ now: present, hasSlot: at !== null && isSlot(job, at) });
  const slot = { scopeId: caller.scopeId, id: job.id };
  if (at !== null && at > present) {
    const fired = await findLastSlot(db, slot, at);
    if (fired && isAhead(fired, present)) return { ...answer, ...explainAhead(job, fired, present) };
    return { ...answer, at: at.toISOString(), ...explainFuture(job, at, silence()), execution: null };
  }
  if (next !== null && next <= present && (at === null || at >= next)) {
    return { ...answer, at: next.toISOString(), ...explainOverdue(next), execution: null };
  }
  // What was asked about is what happened last: a run that somebody asked for is one, too.
  const row = at === null ? await findNewest(db, slot) : await findLastSlot(db, slot, at);
  if (row && isAhead(row, present)) return { ...answer, ...explainAhead(job, row, present) };
  if (!row || (at !== null && !answersFor(row, job, at))) {
    return {
      ...answer,
      at: at?.toISOString() ?? null,
      ...explainSilence(job, at, silence()),
      execution: null,
    };
  }
  const execution = toExecution(row);
  const queue = isFinal(row.status) ? undefined : await findQueue(db, caller.scopeId, row.queue);
  const holds = queue && (row.line_at !== null || queue.paused) ? toQueue(queue) : undefined;
  const finding = withNextRun(job, row, explainExecution(execution, holds));
  const told = at === null ? outlook(job, finding, present) : finding;
  return { ...answer, at: execution.scheduled_for, ...told, execution };
}

/** What somebody asked for says nothing of the schedule. */
function withNextRun({ next_run_at: next }: JobRow, { trigger }: ExecutionRow, finding: Finding): Finding {
  if (trigger === "schedule" || next === null) return finding;
  return { ...finding, explanation: `${finding.explanation} Its next slot is at ${next.toISOString()}.` };
}

/** A slot that is due in a moment may be on its way already. */
const claimedAheadMs = 1000;

/** Whether a slot got its execution at a time that is still to come: the clock was put back since. */
function isAhead({ trigger, scheduled_for, created_at }: ExecutionRow, now: Date): boolean {
  // Whoever asks for a run may ask for a later one.
  if (trigger !== "schedule") return false;
  const latest = Math.max(scheduled_for.getTime(), created_at.getTime());
  return latest > now.getTime() + claimedAheadMs;
}

function explainAhead(job: JobRow, row: ExecutionRow, now: Date) {
  const execution = toExecution(row);
  const finding = explainPutBack(job, explainExecution(execution), now);
  return { at: execution.scheduled_for, ...finding, execution };
}

function isSlot(job: JobRow, at: Date): boolean {
  return nextRun(toSchedule(job), at.getTime() - 1) === at.getTime();
}

/** A slot answers for an instant until the next one is due; a row of missed slots for all of them. */
function answersFor(row: { scheduled_for: Date; reason: string | null }, job: JobRow, at: Date): boolean {
  if (row.reason === "missed" || row.reason === "unreadable") return true;
  const next = nextRun(toSchedule(job), row.scheduled_for.getTime());
  return next === null || next > at.getTime();
}
