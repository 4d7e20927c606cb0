import type { Execution, Output, Queue } from "@org/scheduler-contract";
import { toPublicId } from "../ids.ts";
import { floats, isOneShot, stateInWords } from "./job.ts";
import type { HeldBackHost } from "./circuits.sql.ts";
import type { JobRow } from "./jobs.sql.ts";

export type Finding = Pick<Output<"explain_job">, "verdict" | "explanation" | "advice">;

/** What is written in `reason`, in words. */
const reasons: Record<string, string> = {
  canceled: "it was canceled",
  job_canceled: "its job was canceled",
  job_deleted: "its job was deleted",
  missed: "no worker was running",
  queue_paused: "its queue was paused",
  replay_canceled: "the replay that it belonged to was canceled",
  overlap: "the job does not let its executions overlap",
  ttl: "its time to live ran out",
  unreadable: "the schedule cannot be read any more",
  bound: "the key that made its job may not fire more today",
  terminal: "its target wants no further attempt",
};

/** What to change so that it does not happen again, by reason. */
const remedies: Record<string, string> = {
  queue_paused: ' To make up for every slot of a paused queue: update_job with catch_up "all".',
  overlap: ' To let slots overlap or wait in line: update_job with overlap "allow" or "queue".',
  unreadable: " To go on: give it a new timing with update_job, then resume_job.",
  bound: " To let it fire more often: make the job with a key whose bounds allow more fires a day.",
  ttl: " To give slots more time: update_job with a longer ttl_seconds, or null.",
};

/** Why an execution has not had its turn in its queue yet. */
function explainLine(line: Queue): { waits: string; advice: string } {
  const { name, paused, concurrency, running, rate_limit } = line;
  if (paused) {
    return {
      waits: ` Its queue ${name} is paused.`,
      advice: `Let the queue go on: update_queue {"name": "${name}", "paused": false}.`,
    };
  }
  const limits = [
    concurrency === null ? [] : `${running} of ${concurrency} may run at once`,
    rate_limit === null ? [] : `${rate_limit.max} may be sent in ${rate_limit.period_seconds} s`,
  ].flat();
  const told = limits.length > 0 ? `, where ${limits.join(" and ")}` : "";
  const more =
    concurrency !== null && running >= concurrency
      ? `"concurrency": ${concurrency * 2}`
      : rate_limit && `"rate_limit": ${JSON.stringify({ ...rate_limit, max: rate_limit.max * 2 })}`;
  const orMore = more ? `, or allow the queue more: update_queue {"name": "${name}", ${more}}` : "";
  return {
    waits: ` It waits for its turn in the queue ${name}${told}.`,
    advice: `Wait for it${orMore}.`,
  };
}

const kindOfRun = {
  schedule: "The slot of",
  manual: "The run that was asked for at",
  api: "The run that was asked for at",
  replay: "The replay of",
} satisfies Record<Execution["trigger"], string>;

/** What became of a slot that has its execution; `line` is where it waits for its turn. */
export function explainExecution(execution: Execution, line?: Queue): Finding {
  const slot = `${kindOfRun[execution.trigger]} ${execution.scheduled_for}`;
  const error = execution.error ? ` (${execution.error.message.replace(/\.$/, "")})` : "";
  const tries = `${execution.attempt_count} of ${execution.max_attempts} attempts`;
  switch (execution.status) {
    case "succeeded":
      return {
        verdict: "fired",
        explanation: `${slot} fired and succeeded with status ${execution.status_code}.`,
        advice: "Nothing to do.",
      };
    case "pending":
    case "running":
    case "retrying": {
      if (line) {
        const { waits, advice } = explainLine(line);
        return {
          verdict: "under_way",
          explanation: `${slot} is ${execution.status} after ${tries}${error}.${waits}`,
          advice,
        };
      }
      const waits = execution.reason === "overlap" ? " It waits for the execution before it to be over." : "";
      const next = execution.next_attempt_at ? ` The next attempt is at ${execution.next_attempt_at}.` : "";
      return {
        verdict: "under_way",
        explanation: `${slot} is ${execution.status} after ${tries}${error}.${waits || next}`,
        advice:
          execution.error?.code === "secret_missing"
            ? "Make the secret with create_secret: the next attempt sends it."
            : `Wait for it: wait_for_execution {"execution_id": "${execution.id}"}.`,
      };
    }
    case "failed":
      return {
        verdict: "failed",
        explanation: `${slot} fired and failed after ${tries}${error}${whyNoMore(execution)}.`,
        advice:
          execution.error?.code === "secret_missing"
            ? makeSecret(execution)
            : `See the answers with get_execution, mend the target, then replay_execution {"execution_id": "${execution.id}"}; a replay sends what was sent, so after a change of the job use run_job.`,
      };
    case "expired":
    case "canceled":
    case "skipped": {
      const reason = reasons[execution.reason ?? ""] ?? execution.reason ?? "no reason was recorded";
      const sent = execution.attempt_count > 0 ? ` after ${tries}` : " before it fired";
      return {
        verdict: "not_fired",
        explanation: `${slot} ended as ${execution.status}${sent}: ${reason}${error}.`,
        advice: `To run it all the same: run_job {"job_id": "${execution.job_id}"}.${remedies[execution.reason ?? ""] ?? ""}`,
      };
    }
  }
}

/** Nothing was sent, and nothing is wrong with the target. */
function makeSecret({ id, job_id }: Execution): string {
  return `Make the secret with create_secret, then replay_execution {"execution_id": "${id}"}; get_job {"job_id": "${job_id}"} shows which secrets the request names.`;
}

/** Why attempts that were left were not made. */
function whyNoMore({ reason }: Execution): string {
  return reason === "terminal" ? `: ${reasons.terminal}` : "";
}

/** What goes on from here, where that is not the usual. */
export function outlook(job: JobRow, finding: Finding, now: Date): Finding {
  switch (job.state) {
    case "active":
    case "completed":
      return finding;
    case "paused":
    case "draft":
      if (finding.verdict === "under_way") {
        const explanation = `${finding.explanation} The job is ${stateInWords(job)} now: what is under way goes on, and no new slot fires.`;
        return { ...finding, explanation };
      }
      return {
        ...finding,
        explanation: `${finding.explanation} The job is ${stateInWords(job)} now and does not fire.`,
        advice: resumeAdvice(job, now),
      };
    case "canceled":
      return { ...finding, explanation: `${finding.explanation} The job is canceled now.` };
  }
}

/** Requests do not leave at present, since nobody answers them. */
export function explainCircuit(
  finding: Finding,
  host: string,
  { failures, probe_at }: HeldBackHost,
): Finding {
  const held = `${host} has not answered the last ${failures} requests: requests to it are held back, the next probe is at ${probe_at.toISOString()}.`;
  return {
    ...finding,
    explanation: `${finding.explanation} ${held}`,
    advice: `See that ${host} is up: its first answer ends this. ${finding.advice}`,
  };
}

/** A run that is due and that nobody has taken. */
export function explainOverdue(next: Date): Finding {
  return {
    verdict: "under_way",
    explanation: `The slot of ${next.toISOString()} is due and waits for a worker with a free slot.`,
    advice: "Check that workers run and are not all busy (/readyz, /metrics), or give them more slots.",
  };
}

/** A slot got its execution at a time that is still to come: the clock was put back since. */
export function explainPutBack({ next_run_at: next }: JobRow, finding: Finding, now: Date): Finding {
  const goesOn = next ? ` The job's next run is at ${next.toISOString()}.` : "";
  return {
    verdict: finding.verdict,
    explanation:
      `${finding.explanation} That was before the database's clock was put back: it is ${now.toISOString()} now. ` +
      `Slots that have had their turn do not run again, those that have not still will.${goesOn}`,
    advice: "See that the clock of the database's server is right. To run the job in the meantime: run_job.",
  };
}

/** Nothing has become of an instant that is still to come. */
export function explainFuture(job: JobRow, at: Date, present: Present): Finding {
  if (job.next_run_at === null) return explainSilence(job, at, present);
  return {
    verdict: "not_due",
    explanation: `${at.toISOString()} is still to come. The job's next run is at ${job.next_run_at.toISOString()}.`,
    advice: "See the runs to come with get_job (next_runs), or run it now with run_job.",
  };
}

interface Present {
  now: Date;
  /** The schedule, as it is now, has a slot at the very instant that was asked about. */
  hasSlot: boolean;
}

/** Why there is no slot to speak of: at an instant, or at all. */
export function explainSilence(job: JobRow, at: Date | null, { now, hasSlot }: Present): Finding {
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
      if (hasSlot) {
        return {
          verdict: "not_fired",
          explanation: `The schedule has a slot${when}, but none was due: the job was paused then, or had another schedule.`,
          advice: `To make up for it: run_job {"job_id": "${toPublicId("job", job.id)}"}.`,
        };
      }
      return {
        verdict: "not_due",
        explanation: job.next_run_at
          ? `No slot of the job was due${when}. Its next run is at ${job.next_run_at.toISOString()}.`
          : `No slot of the job was due${when}, and it has no further run.`,
        advice: "Check its timing with get_job, or run it now with run_job.",
      };
    case "paused":
    case "draft":
      if (at !== null && !hasSlot) {
        return {
          verdict: "not_due",
          explanation: `No slot of the job was due${when}, and it is ${stateInWords(job)} now.`,
          advice: resumeAdvice(job, now),
        };
      }
      return {
        verdict: "not_fired",
        explanation: `The job is ${stateInWords(job)}: it does not fire until it is resumed.`,
        advice: resumeAdvice(job, now),
      };
    case "completed":
    case "canceled":
      return {
        verdict: "never_due",
        explanation: `The job is ${job.state}: it has no further runs, and none was due${when}.`,
        advice:
          job.state === "completed" && isOneShot(job.kind)
            ? "Run it again with run_job."
            : "Create a new job with create_job.",
      };
  }
}

function resumeAdvice(job: JobRow, now: Date): string {
  const id = toPublicId("job", job.id);
  // Resuming it would be refused: its only slot has passed.
  if (isOneShot(job.kind) && !floats(job) && job.run_at !== null && job.run_at <= now) {
    return `Run it now: run_job {"job_id": "${id}"}. Or give it a new time: update_job {"job_id": "${id}", "when": "in 5m"}, then resume_job.`;
  }
  const again = job.state === "draft" ? "" : " again";
  return `Let it fire${again}: resume_job {"job_id": "${id}"}.`;
}
