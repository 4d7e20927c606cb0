import type {
  AttemptErrorCode,
  AttemptStatus,
  ExecutionStatus,
  RetryPolicy,
  Statuses,
} from "@org/scheduler-contract";
import { retryDelayMs } from "../time/retry.ts";
import type { Answer } from "./attempt.ts";

/** What an attempt's answer means for its execution. */
export interface Outcome {
  status: AttemptStatus;
  errorCode: AttemptErrorCode | null;
  error: string | null;
  next: ExecutionStatus;
  retryMs: number | null;
}

interface Rules {
  /** This attempt counted; interrupted ones are not. */
  attempts: number;
  successStatuses: Statuses;
  retry: RetryPolicy;
}

/** Judges an answer. `random` is uniform in [0, 1) and spreads retries. */
export function judge(answer: Answer, rules: Rules, random: number): Outcome {
  const { status, errorCode, error } = verdict(answer, rules.successStatuses);
  const base = { status, errorCode, error };
  const mayRetry = rules.attempts < rules.retry.max_attempts;
  const retry = (): Outcome => {
    if (!mayRetry) return { ...base, next: "failed", retryMs: null };
    return { ...base, next: "retrying", retryMs: retryDelayMs(rules.retry, rules.attempts, random) };
  };
  switch (status) {
    case "succeeded":
      return { ...base, next: "succeeded", retryMs: null };
    case "canceled":
      return { ...base, next: "canceled", retryMs: null };
    case "interrupted":
      // Handed back, not failed: it goes on elsewhere at once.
      return { ...base, next: "retrying", retryMs: 0 };
    case "blocked":
      return { ...base, next: "failed", retryMs: null };
    case "http_error":
      return matchesStatus(rules.retry.retry_on_statuses, answer.statusCode!)
        ? retry()
        : { ...base, next: "failed", retryMs: null };
    case "timeout":
      return retry();
    case "connection_error":
      return errorCode === "invalid_request" ? { ...base, next: "failed", retryMs: null } : retry();
  }
}

function verdict(answer: Answer, successStatuses: Statuses): Pick<Outcome, "status" | "errorCode" | "error"> {
  if (answer.status !== "succeeded") return answer;
  if (matchesStatus(successStatuses, answer.statusCode!)) return answer;
  return { status: "http_error", errorCode: "status", error: `The target answered ${answer.statusCode}.` };
}

/** Whether a status code is in a list such as `[204, "3xx"]`. */
export function matchesStatus(list: Statuses, status: number): boolean {
  const family = `${Math.floor(status / 100)}xx`;
  return list.some((entry) => entry === status || entry === family);
}
