import { type RetryInput, type RetryPolicy, SchedulerError, usualJob } from "@org/scheduler-contract";
import { SECOND } from "./calendar.ts";

export type { RetryPolicy };

const shortestJitteredDelay = 100;

/** Eight attempts, 5 s doubling to an hour, jittered; again on 408, 425, 429 and every 5xx. */
export const defaultRetry: RetryPolicy = usualJob.retry;

/** A retry policy with everything filled in. Throws `invalid_input` where it contradicts itself. */
export function fullRetry(input: RetryInput): RetryPolicy {
  const policy: RetryPolicy = { ...defaultRetry, ...input };
  if (input.delays_seconds !== undefined) policy.strategy = input.strategy ?? "list";
  if ((policy.strategy === "list") !== policy.delays_seconds.length > 0) {
    throw new SchedulerError("invalid_input", "delays_seconds and the list strategy go together.", {
      field: "retry.delays_seconds",
      hint: 'Give both or neither, for example {"strategy": "list", "delays_seconds": [60, 1800, 10800]}.',
    });
  }
  // A delay that was asked for is not to be cut by a limit that was not.
  policy.max_seconds =
    input.max_seconds ?? Math.max(policy.max_seconds, policy.base_seconds, ...policy.delays_seconds);
  return policy;
}

/**
 * Whole ms to wait after the attempt number `failedAttempts` (from 1) failed. `random` in [0, 1) spreads a jittered
 * delay evenly between 100 ms and the full delay; a delay that is shorter than 100 ms anyway stays as it is.
 */
export function retryDelayMs(policy: RetryPolicy, failedAttempts: number, random: number): number {
  const delay = Math.min(plannedSeconds(policy, failedAttempts), policy.max_seconds) * SECOND;
  if (!policy.jitter || delay <= shortestJitteredDelay) return Math.round(delay);
  return Math.round(shortestJitteredDelay + random * (delay - shortestJitteredDelay));
}

function plannedSeconds(policy: RetryPolicy, failedAttempts: number): number {
  switch (policy.strategy) {
    case "fixed":
      return policy.base_seconds;
    case "list":
      return policy.delays_seconds[failedAttempts - 1] ?? policy.delays_seconds.at(-1) ?? policy.base_seconds;
    case "exponential":
      // Zero times an overflowed power is NaN.
      return policy.base_seconds === 0 ? 0 : policy.base_seconds * policy.factor ** (failedAttempts - 1);
  }
}
