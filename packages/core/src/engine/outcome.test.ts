import { describe, expect, test } from "vitest";
import type { AttemptErrorCode, AttemptStatus, RetryPolicy, Statuses } from "@org/scheduler-contract";
import { defaultRetry } from "../time/retry.ts";
import type { Answer } from "./attempt.ts";
import { judge, matchesStatus } from "./outcome.ts";

const retry: RetryPolicy = { ...defaultRetry, max_attempts: 3, jitter: false };

function answered(statusCode: number): Answer {
  return answer("succeeded", null, statusCode);
}

function answer(
  status: AttemptStatus,
  errorCode: AttemptErrorCode | null,
  statusCode: number | null = null,
): Answer {
  const error = errorCode && `because of ${errorCode}`;
  return { status, errorCode, error, statusCode, latencyMs: 1, headers: null, body: null, truncated: false };
}

function judged(
  given: Answer,
  rules: { attempts?: number; successStatuses?: Statuses; retry?: Partial<RetryPolicy> } = {},
) {
  return judge(
    given,
    {
      attempts: rules.attempts ?? 1,
      successStatuses: rules.successStatuses ?? ["2xx"],
      retry: { ...retry, ...rules.retry },
    },
    0.5,
  );
}

describe("judge", () => {
  test.each([200, 204, 299])("%i succeeds", (status) => {
    expect(judged(answered(status))).toEqual({
      status: "succeeded",
      errorCode: null,
      error: null,
      next: "succeeded",
      retryMs: null,
    });
  });

  test.each([408, 425, 429, 500, 502, 503, 599])("%i is tried again", (status) => {
    expect(judged(answered(status))).toEqual({
      status: "http_error",
      errorCode: "status",
      error: `The target answered ${status}.`,
      next: "retrying",
      retryMs: 5000,
    });
  });

  test.each([301, 302, 304, 400, 401, 403, 404, 410, 422])("%i is final", (status) => {
    expect(judged(answered(status))).toMatchObject({ status: "http_error", next: "failed", retryMs: null });
  });

  test.each([
    ["timeout", "timeout"],
    ["connection_error", "dns"],
    ["connection_error", "refused"],
    ["connection_error", "reset"],
    ["connection_error", "tls"],
    ["connection_error", "connection"],
  ] as const)("%s (%s) is tried again, whatever statuses are", (status, code) => {
    const outcome = judged(answer(status, code), { retry: { retry_on_statuses: [] } });
    expect(outcome).toEqual({
      status,
      errorCode: code,
      error: `because of ${code}`,
      next: "retrying",
      retryMs: 5000,
    });
  });

  test("a timeout in the middle of a good answer is a timeout", () => {
    expect(judged(answer("timeout", "timeout", 200))).toMatchObject({ status: "timeout", next: "retrying" });
  });

  test.each([
    ["blocked", "address_blocked"],
    ["connection_error", "invalid_request"],
  ] as const)("%s (%s) is final: it would be the same the next time", (status, code) => {
    expect(judged(answer(status, code))).toMatchObject({ status, next: "failed", retryMs: null });
  });

  test("canceled ends it, interrupted goes on elsewhere at once: even when no attempt is left", () => {
    expect(judged(answer("canceled", "canceled"), { attempts: 9 })).toMatchObject({
      next: "canceled",
      retryMs: null,
    });
    expect(judged(answer("interrupted", "worker_lost"), { attempts: 9 })).toMatchObject({
      next: "retrying",
      retryMs: 0,
    });
  });

  test("the last attempt fails instead of being tried again", () => {
    expect(judged(answered(500), { attempts: 2 })).toMatchObject({ next: "retrying", retryMs: 10_000 });
    expect(judged(answered(500), { attempts: 3 })).toMatchObject({
      next: "failed",
      retryMs: null,
      status: "http_error",
    });
    expect(judged(answer("timeout", "timeout"), { attempts: 3 })).toMatchObject({
      next: "failed",
      status: "timeout",
    });
    expect(judged(answered(500), { attempts: 1, retry: { max_attempts: 1 } })).toMatchObject({
      next: "failed",
    });
  });

  test("a job says what success is and what is tried again", () => {
    expect(judged(answered(404), { successStatuses: [404, "3xx"] })).toMatchObject({ next: "succeeded" });
    expect(judged(answered(302), { successStatuses: [404, "3xx"] })).toMatchObject({ next: "succeeded" });
    expect(judged(answered(200), { successStatuses: [404] })).toMatchObject({
      status: "http_error",
      next: "failed",
    });
    expect(judged(answered(404), { retry: { retry_on_statuses: ["4xx"] } })).toMatchObject({
      next: "retrying",
    });
    expect(judged(answered(500), { retry: { retry_on_statuses: [] } })).toMatchObject({ next: "failed" });
    expect(judged(answered(200), { successStatuses: [] })).toMatchObject({ status: "http_error" });
  });
});

describe("matchesStatus", () => {
  test.each([
    [[200], 200, true],
    [[200], 201, false],
    [["2xx"], 200, true],
    [["2xx"], 299, true],
    [["2xx"], 300, false],
    [["5xx", 418], 418, true],
    [[], 200, false],
    [["5xx"], 600, false],
  ] satisfies [Statuses, number, boolean][])("%j: %i is %s", (list, status, answer) => {
    expect(matchesStatus(list, status)).toBe(answer);
  });
});
