import { describe, expect, test } from "vitest";
import type {
  Assertion,
  AttemptErrorCode,
  AttemptStatus,
  RetryPolicy,
  Statuses,
} from "@org/scheduler-contract";
import { defaultRetry } from "../time/retry.ts";
import { answered as answered200 } from "../testing/answered.ts";
import type { Answer } from "./answer.ts";
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
  return { ...answered200, status, errorCode, error, statusCode, latencyMs: 1, headers: null, body: null };
}

function judged(
  given: Answer,
  rules: {
    attempts?: number;
    successStatuses?: Statuses;
    assertions?: Assertion[];
    retry?: Partial<RetryPolicy>;
  } = {},
) {
  return judge(
    given,
    {
      attempts: rules.attempts ?? 1,
      successStatuses: rules.successStatuses ?? ["2xx"],
      assertions: rules.assertions ?? null,
      retry: { ...retry, ...rules.retry },
      now: Date.parse("2026-03-01T12:00:00Z"),
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
      terminal: false,
    });
  });

  test.each([408, 425, 429, 500, 502, 503, 599])("%i is tried again", (status) => {
    expect(judged(answered(status))).toEqual({
      status: "http_error",
      errorCode: "status",
      error: `The target answered ${status}.`,
      next: "retrying",
      retryMs: 5000,
      terminal: false,
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
      terminal: false,
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

describe("what a target asks for", () => {
  const asking = (headers: Record<string, string>, statusCode = 429): Answer => ({
    ...answered(statusCode),
    headers,
  });

  test("is waited for where it is longer than the policy's own delay", () => {
    expect(judged(asking({ "retry-after": "60" }))).toMatchObject({ next: "retrying", retryMs: 60_000 });
    expect(judged(asking({ "retry-after": "1" }))).toMatchObject({ retryMs: 5000 });
    expect(judged(asking({ "retry-after": "Sun, 01 Mar 2026 12:01:30 GMT" }, 503))).toMatchObject({
      retryMs: 90_000,
    });
    expect(judged(asking({ "x-ratelimit-reset": "44" }))).toMatchObject({ retryMs: 44_000 });
  });

  test("is not waited for beyond the policy's longest delay, nor read where it says nothing", () => {
    expect(judged(asking({ "retry-after": "999999" }))).toMatchObject({ retryMs: 3_600_000 });
    expect(judged(asking({ "retry-after": "60" }), { retry: { max_seconds: 20 } })).toMatchObject({
      retryMs: 20_000,
    });
    expect(judged(asking({ "retry-after": "later" }))).toMatchObject({ retryMs: 5000 });
  });

  test("is waited for after a break in the middle of an answer, and gives no attempt more", () => {
    const broken = { ...answer("connection_error", "reset", 503), headers: { "retry-after": "60" } };
    expect(judged(broken)).toMatchObject({ retryMs: 60_000 });
    expect(judged(asking({ "retry-after": "60" }), { attempts: 3 })).toMatchObject({
      next: "failed",
      retryMs: null,
      terminal: false,
    });
  });

  test.each([
    ["410", answered(410)],
    ["Sched-Retry", asking({ "sched-retry": "No" }, 500)],
    ["X-Should-Retry", asking({ "x-should-retry": "false" }, 503)],
  ])("ends all attempts: %s", (_, given) => {
    const outcome = judged(given, { retry: { retry_on_statuses: ["4xx", "5xx"] } });
    expect(outcome).toMatchObject({ status: "http_error", next: "failed", retryMs: null, terminal: true });
  });

  test("does not make a failure of what the job calls a success", () => {
    expect(judged(answered(410), { successStatuses: [410] })).toMatchObject({ next: "succeeded" });
    expect(judged(asking({ "sched-retry": "no" }, 200))).toMatchObject({
      next: "succeeded",
      terminal: false,
    });
    // Gone is what this job hopes for, and only the body was late.
    const late = { ...answer("timeout", "timeout", 410), headers: {} };
    expect(judged(late, { successStatuses: [410] })).toMatchObject({ next: "retrying" });
  });

  test.each(["yes", "", "not now"])("and Sched-Retry: %s ends nothing", (value) => {
    expect(judged(asking({ "sched-retry": value }, 500))).toMatchObject({ next: "retrying" });
  });
});

describe("an assertion", () => {
  const assertions: Assertion[] = [{ type: "body_contains", value: "ready" }];
  const withBody = (body: string, statusCode = 200): Answer => ({ ...answered(statusCode), body });

  test("that does not hold makes a failed attempt of a good status, and is tried again", () => {
    expect(judged(withBody("ready"), { assertions })).toMatchObject({ next: "succeeded", error: null });
    expect(judged(withBody("wait"), { assertions, retry: { retry_on_statuses: [] } })).toEqual({
      status: "http_error",
      errorCode: "assertion",
      error: 'Expected the body to contain "ready", got "wait".',
      next: "retrying",
      retryMs: 5000,
      terminal: false,
    });
    expect(judged(withBody("wait"), { assertions, attempts: 3 })).toMatchObject({ next: "failed" });
  });

  test("says nothing about an answer whose status has failed already", () => {
    expect(judged(withBody("ready", 500), { assertions })).toMatchObject({ errorCode: "status" });
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
