import type { ExecutionStatus, RuleEvent, Trigger } from "@org/scheduler-contract";
import type { About } from "../database/tables.ts";

/** What a job, or the jobs of a queue that run once, were like before the ends that are told of. */
export interface JobBefore {
  failures: number;
  isAlerted: boolean;
  failingSince: Date | null;
  alertThreshold: number | null;
  usualMs: number | null;
}

/** A rule that holds for the job. */
export interface HoldingRule {
  channelId: string;
  event: RuleEvent;
  threshold: number | null;
  seconds: number | null;
  times: number | null;
}

/** An execution that is over. */
export interface Ended {
  id: string;
  status: ExecutionStatus;
  trigger: Trigger;
  finishedAt: Date;
  /** How long its last request took; null where none left. */
  tookMs: number | null;
}

/** Somebody is to be told of something. */
export interface Notification {
  executionId: string;
  channelId: string;
  event: RuleEvent;
  about: About;
}

/** So few runs that nobody knows what is usual, or so short that a pause of the machine looks like more. */
const leastUsualMs = 50;

/**
 * Decides who is told of what, for the ends of one job's executions in their order, and what it is like after them. The count of failures and the alert
 * follow the rule for the job (`executions/over.sql.ts`): replays are about the past.
 */
export function notificationsOf(
  job: JobBefore,
  rules: HoldingRule[],
  ended: Ended[],
): { told: Notification[]; after: Pick<JobBefore, "failures" | "isAlerted" | "failingSince"> } {
  let { failures, isAlerted, failingSince } = job;
  const thresholds = rules.filter(({ event }) => event === "on_alert").map((rule) => thresholdOf(rule, job));
  const least = Math.min(...thresholds, job.alertThreshold ?? Infinity);
  const told = ended.flatMap((execution) => {
    const before = { failures, isAlerted, failingSince };
    const counts = execution.trigger !== "replay";
    if (counts && hasFailed(execution)) {
      if (failures === 0) failingSince = execution.finishedAt;
      failures += 1;
      isAlerted ||= failures >= least;
    } else if (counts && execution.status === "succeeded") {
      [failures, isAlerted, failingSince] = [0, false, null];
    }
    const after = { failures, failingSince };
    return rules
      .filter((rule) => isOf(rule, execution, { job, before, failures: counts ? failures : 0 }))
      .map(({ channelId, event }) => {
        const about = aboutOf(execution, countTold(event, execution, { after, before }));
        return { executionId: execution.id, channelId, event, about };
      });
  });
  return { told, after: { failures, isAlerted, failingSince } };
}

interface Counted {
  failures: number;
  failingSince: Date | null;
}

function hasFailed({ status }: Pick<Ended, "status">): boolean {
  return status === "failed" || status === "expired";
}

function thresholdOf({ threshold }: HoldingRule, { alertThreshold }: JobBefore): number {
  return threshold ?? alertThreshold ?? 1;
}

function isOf(
  rule: HoldingRule,
  execution: Ended,
  { job, before, failures }: { job: JobBefore; before: Counted & { isAlerted: boolean }; failures: number },
): boolean {
  const { status } = execution;
  switch (rule.event) {
    case "on_success":
      return status === "succeeded";
    case "on_failure":
      return hasFailed(execution);
    case "on_completion":
      return status !== "skipped";
    case "on_first_failure":
      return hasFailed(execution) && failures === 1;
    case "on_alert":
      return hasFailed(execution) && isReached(failures, thresholdOf(rule, job), before);
    case "on_recovery":
      return status === "succeeded" && execution.trigger !== "replay" && before.isAlerted;
    case "on_overrun":
      return execution.tookMs !== null && execution.tookMs > longestMs(rule, job.usualMs);
    case "on_missed":
      return false;
  }
}

/** Also where the threshold, or the rule, is newer than the failures, as long as nobody was alerted of them. */
function isReached(failures: number, threshold: number, before: { isAlerted: boolean }): boolean {
  return failures === threshold || (failures > threshold && !before.isAlerted);
}

/** How long a request may take before a rule tells of it, in milliseconds. */
export function longestMs(
  { seconds, times }: Pick<HoldingRule, "seconds" | "times">,
  usualMs: number | null,
): number {
  const most = seconds === null ? Infinity : seconds * 1000;
  const usual = times === null || usualMs === null ? Infinity : Math.max(usualMs, leastUsualMs) * times;
  return Math.min(most, usual);
}

/** The count that a notification tells: of failures that go on, or that have just ended; none of the past. */
function countTold(
  event: RuleEvent,
  execution: Ended,
  { after, before }: Record<"after" | "before", Counted>,
): Counted | undefined {
  if (event === "on_recovery") return before;
  return hasFailed(execution) && execution.trigger !== "replay" ? after : undefined;
}

function aboutOf({ tookMs }: Ended, counted: Counted | undefined): About {
  return {
    ...(counted && { failures: counted.failures }),
    ...(counted?.failingSince && { since: counted.failingSince.toISOString() }),
    ...(tookMs !== null && { took_ms: Math.round(tookMs) }),
  };
}
