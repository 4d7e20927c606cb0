import { describe, expect, test } from "vitest";
import {
  type ErrorCode,
  errorCodes,
  fromProblem,
  type Problem,
  SchedulerError,
  toProblem,
} from "./errors.ts";

describe("a problem", () => {
  test.each(Object.keys(errorCodes) as ErrorCode[])("%s goes over the wire and back", (code) => {
    const error = new SchedulerError(code, "It did not work.", {
      hint: "Try again.",
      field: "url",
      retryAfterSeconds: 7,
    });
    const problem = toProblem(error, "req-1");
    expect(problem).toEqual({
      type: `urn:scheduler:error:${code}`,
      title: errorCodes[code].title,
      status: errorCodes[code].status,
      detail: "It did not work.",
      code,
      hint: "Try again.",
      field: "url",
      retry_after_seconds: 7,
      request_id: "req-1",
    });
    const { message, ...rest } = fromProblem(JSON.parse(JSON.stringify(problem)) as Problem);
    expect({ message, ...rest }).toMatchObject({
      message: error.message,
      code,
      hint: error.hint,
      field: error.field,
      retryAfterSeconds: error.retryAfterSeconds,
    });
  });

  test("that another server told keeps the id under which that server logged it", () => {
    const there = toProblem(new TypeError("x is undefined"), "req-there");
    expect(toProblem(fromProblem(there), "req-here")).toEqual(there);
  });

  test("shows nothing of an error that is not ours to show", () => {
    const problem = toProblem(new Error("connect postgres://admin:hunter2@db"), "req-1");
    expect(problem).toMatchObject({ code: "internal", status: 500 });
    expect(problem.hint).toContain("req-1");
    expect(JSON.stringify(problem)).not.toContain("hunter2");
    expect(problem).not.toHaveProperty("field");
  });

  test.each(["quota_exceeded", "toString"])("with the unknown code %s is read as internal", (code) => {
    const problem = { ...toProblem(new Error("x"), "req-1"), code: code as ErrorCode };
    expect(toProblem(fromProblem(problem), "req-2").status).toBe(500);
  });
});
