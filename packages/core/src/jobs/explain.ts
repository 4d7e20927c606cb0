import type { Execution, Output, ParsedInput } from "@org/scheduler-contract";
import { toExecution } from "../executions/execution.ts";
import { lastSlot } from "../executions/ledger.ts";
import { toPublicId } from "../ids.ts";
import type { ReadContext } from "../operation-context.ts";
import { nextRun } from "../time/next-run.ts";
import { isOneShot, toSchedule } from "./job.ts";
import type { JobRow } from "./jobs.sql.ts";
import { requireJob } from "./require.ts";

type Explanation = Output<"explain_job">;
type Finding = Pick<Explanation, "verdict" | "explanation" | "advice">;

/** Says why a job did or did not fire, from the ledger of its slots. */
export async function explain(context: ReadContext, input: ParsedInput<"explain_job">): Promise<Explanation> {
  const { db, caller } = context;
  const job = await requireJob(db, caller, input.job_id);
  const at = input.at === undefined ? null : new Date(input.at);
  const row = await lastSlot(db, { scopeId: caller.scopeId, id: job.id }, at);
  // A slot answers for an instant until the next one is due.
  const next = row && at ? nextRun(toSchedule(job), row.scheduled_for.getTime()) : null;
  const relevant = row && !(at && next !== null && next <= at.getTime()) ? row : undefined;
  const execution = relevant ? toExecution(relevant) : null;
  const finding = execution ? explainExecution(execution) : explainSilence(job, at, await context.now());
  return {
    job_id: toPublicId("job", job.id),
    at: (relevant?.scheduled_for ?? at)?.toISOString() ?? null,
    ...finding,
    execution,
    next_run_at: job.next_run_at?.toISOString() ?? null,
  };
}

function explainExecution(execution: Execution): Finding {
  const slot = execution.scheduled_for;
  const why = execution.error ? ` (${execution.error.message})` : "";
  const tries = `${execution.attempt_count} of ${execution.max_attempts} attempts`;
  switch (execution.status) {
    case "succeeded":
      return {
        verdict: "fired",
        explanation: `The slot of ${slot} fired and succeeded with status ${execution.status_code}.`,
        advice: "Nothing to do.",
      };
    case "pending":
    case "running":
    case "retrying": {
      const next = execution.next_attempt_at ? ` The next attempt is at ${execution.next_attempt_at}.` : "";
      return {
        verdict: "under_way",
        explanation: `The slot of ${slot} is ${execution.status} after ${tries}${why}.${next}`,
        advice: `Wait for it: wait_for_execution {"execution_id": "${execution.id}"}.`,
      };
    }
    case "failed":
      return {
        verdict: "failed",
        explanation: `The slot of ${slot} fired and failed after ${tries}${why}.`,
        advice: `See the answers with get_execution, mend the target, then replay_execution {"execution_id": "${execution.id}"}.`,
      };
    case "expired":
    case "canceled":
    case "skipped":
      return {
        verdict: "not_fired",
        explanation: `The slot of ${slot} did not fire: ${execution.status}, ${execution.reason ?? "no reason given"}${why}.`,
        advice: `To run it all the same: run_job {"job_id": "${execution.job_id}"}.`,
      };
  }
}

function explainSilence(job: JobRow, at: Date | null, now: Date): Finding {
  const id = toPublicId("job", job.id);
  const when = at ? ` at ${at.toISOString()}` : "";
  if (at && at < job.created_at) {
    return {
      verdict: "never_due",
      explanation: `The job did not exist${when}: it was created at ${job.created_at.toISOString()}.`,
      advice: "Ask about a later instant.",
    };
  }
  switch (job.state) {
    case "active":
      if (job.next_run_at && job.next_run_at <= now) {
        return {
          verdict: "under_way",
          explanation: `The slot of ${job.next_run_at.toISOString()} is due and waits for a worker with a free slot.`,
          advice:
            "Check that workers run and are not all busy (/readyz, /metrics), and give them more slots.",
        };
      }
      return {
        verdict: "not_due",
        explanation: job.next_run_at
          ? `The job was not due${when}. Its next run is at ${job.next_run_at.toISOString()}.`
          : `The job was not due${when}, and has no further run.`,
        advice: "Check its timing with get_job, or run it now with run_job.",
      };
    case "paused":
    case "draft":
      return {
        verdict: "not_fired",
        explanation: `The job is ${job.state}: it does not fire until it is resumed.`,
        advice: `resume_job {"job_id": "${id}"}.`,
      };
    case "completed":
    case "canceled":
      return {
        verdict: "never_due",
        explanation: `The job is ${job.state}: it has no further runs, and none was due${when}.`,
        advice: isOneShot(job.kind) ? "Run it again with run_job." : "Create a new job with create_job.",
      };
  }
}
