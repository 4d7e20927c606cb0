import { expect } from "vitest";
import type { Answered, Json } from "./ask.ts";

export interface Expected {
  status: number;
  code: string;
  field?: string;
  retry_after_seconds?: number;
}

const said = expect.stringMatching(/\S/) as string;
const fix = expect.stringMatching(/\S{2,} \S{2,}/) as string;

/** What an error tells a model: what is wrong, and what to do. */
export function expectToolError(error: Json, { code, field }: Expected): void {
  const { errors, ...rest } = error;
  expect(rest).toEqual({ code, detail: said, hint: fix });
  if (errors !== undefined) expect(errors).toContainEqual({ field, detail: said, hint: fix });
}

/** The contract's one shape of an error over HTTP. */
function expectProblem(problem: Json, expected: Expected): void {
  const { errors, ...rest } = problem;
  const { field } = expected;
  if (errors !== undefined) expect(errors).toContainEqual({ field, detail: said, hint: fix });
  expect(rest).toEqual({
    ...expected,
    type: `urn:scheduler:error:${expected.code}`,
    title: said,
    detail: said,
    hint: fix,
    request_id: expect.stringMatching(/^[\w-]{1,64}$/),
  });
}

/** The same as an answer over HTTP. */
export function expectProblemAnswer({ status, headers, json }: Answered, expected: Expected): void {
  expect(status).toBe(expected.status);
  expect(headers.get("Content-Type")).toMatch(/^application\/problem\+json/);
  expect(headers.get("X-Request-Id")).toBe(json["request_id"]);
  expectProblem(json, expected);
}
