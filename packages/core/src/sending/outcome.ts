import type {
  Assertion,
  AttemptErrorCode,
  AttemptStatus,
  ExecutionStatus,
  RetryPolicy,
  Statuses,
} from "@org/scheduler-contract";
import { SECOND } from "../time/calendar.ts";
import { retryAfterMs } from "../time/retry-after.ts";
import { retryDelayMs } from "../time/retry.ts";
import { failedAssertion } from "./assertions.ts";
import type { Answer } from "./answer.ts";
import { headerOf } from "./header.ts";

/** What an attempt's answer means for its execution. */
export interface Outcome {
  status: AttemptStatus;
  errorCode: AttemptErrorCode | null;
  error: string | null;
  next: ExecutionStatus;
  retryMs: number | null;
  /** The target wants no further attempt. */
  terminal: boolean;
}

interface Rules {
  /** The answer as it may be shown; the answer itself unless told. What went wrong is said of this one. */
  told?: Answer;
  /** This attempt counted; interrupted ones are not. */
  attempts: number;
  successStatuses: Statuses;
  assertions: Assertion[] | null;
  retry: RetryPolicy;
  /** When the answer came, in ms since 1970: a target may say at which instant it wants to be asked again. */
  now: number;
}

/** Judges an answer. `random` is uniform in [0, 1) and spreads retries. */
export function judge(answer: Answer, rules: Rules, random: number): Outcome {
  const { status, errorCode, error } = verdict(answer, rules);
  const end = (next: ExecutionStatus): Outcome => ({
    status,
    errorCode,
    error,
    next,
    retryMs: null,
    terminal: false,
  });
  const retry = (): Outcome => {
    if (isTerminal(answer, rules)) return { ...end("failed"), terminal: true };
    if (rules.attempts >= rules.retry.max_attempts) return end("failed");
    return { ...end("retrying"), retryMs: delayMs(answer, rules, random) };
  };
  switch (status) {
    case "succeeded":
      return end("succeeded");
    case "canceled":
      return end("canceled");
    case "interrupted":
      // Handed back, not failed: it goes on elsewhere at once.
      return { ...end("retrying"), retryMs: 0 };
    case "blocked":
      return errorCode === "secret_missing" ? retry() : end("failed");
    case "http_error": {
      const mayChange =
        errorCode === "assertion" || matchesStatus(rules.retry.retry_on_statuses, answer.statusCode!);
      return mayChange || isTerminal(answer, rules) ? retry() : end("failed");
    }
    case "timeout":
      return retry();
    case "connection_error":
      return errorCode === "invalid_request" ? end("failed") : retry();
  }
}

function verdict(
  answer: Answer,
  { successStatuses, assertions, told = answer }: Rules,
): Pick<Outcome, "status" | "errorCode" | "error"> {
  if (answer.status !== "succeeded") return answer;
  if (!matchesStatus(successStatuses, answer.statusCode!))
    return { status: "http_error", errorCode: "status", error: `The target answered ${answer.statusCode}.` };
  if (failedAssertion(assertions ?? [], answer) === null) return answer;
  const error = failedAssertion(assertions ?? [], told) ?? "An assertion about a secret did not hold.";
  return { status: "http_error", errorCode: "assertion", error };
}

/** Gone for good, or told in a header. */
function isTerminal({ statusCode, headers }: Answer, { successStatuses }: Rules): boolean {
  if (statusCode === 410 && !matchesStatus(successStatuses, statusCode)) return true;
  const says = (name: string): string | undefined => headerOf(headers, name)?.trim().toLowerCase();
  return says("sched-retry") === "no" || says("x-should-retry") === "false";
}

/** The policy's own delay, or the one that the target asks for where that is longer; never beyond the policy's longest. */
function delayMs(answer: Answer, { attempts, retry, now }: Rules, random: number): number {
  const own = retryDelayMs(retry, attempts, random);
  // All at the instant of the next probe, all but one would be held back again.
  const spread = retry.jitter ? random * SECOND : 0;
  if (answer.heldBackMs !== undefined) return Math.max(own, Math.ceil(answer.heldBackMs + spread));
  const asked = retryAfterMs((name) => headerOf(answer.headers, name), now) ?? 0;
  return Math.max(own, Math.min(Math.ceil(asked), retry.max_seconds * SECOND));
}

/** Whether a status code is in a list such as `[204, "3xx"]`. */
export function matchesStatus(list: Statuses, status: number): boolean {
  const family = `${Math.floor(status / 100)}xx`;
  return list.some((entry) => entry === status || entry === family);
}
