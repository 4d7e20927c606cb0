import { expect } from "vitest";
import type { Answered, Json } from "./ask.ts";

export interface Expected {
  status: number;
  code: string;
  field?: string;
  retry_after_seconds?: number;
}

/** The contract's one shape of an error, whichever face it came through. */
export function expectProblem(problem: Json, expected: Expected): void {
  expect(problem).toEqual({
    ...expected,
    type: `urn:scheduler:error:${expected.code}`,
    title: expect.stringMatching(/\S/),
    detail: expect.stringMatching(/\S/),
    hint: expect.stringMatching(/\S{2,} \S{2,}/),
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
