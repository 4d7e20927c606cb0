import { expect } from "vitest";
import type { Answered, Json } from "./ask.ts";

export interface Expected {
  status: number;
  code: string;
  field?: string;
}

/** The contract's one shape of an error, whichever face it came through. */
export function expectProblem(problem: Json, { status, code, field }: Expected): void {
  expect(problem).toEqual({
    type: `urn:scheduler:error:${code}`,
    title: expect.stringMatching(/\S/),
    status,
    detail: expect.stringMatching(/\S/),
    code,
    hint: expect.stringMatching(/\S{2,} \S{2,}/),
    request_id: expect.stringMatching(/^[\w-]{1,64}$/),
    ...(field !== undefined && { field }),
  });
}

/** The same as an answer over HTTP. */
export function expectProblemAnswer({ status, headers, json }: Answered, expected: Expected): void {
  expect(status).toBe(expected.status);
  expect(headers.get("Content-Type")).toMatch(/^application\/problem\+json/);
  expect(headers.get("X-Request-Id")).toBe(json["request_id"]);
  expectProblem(json, expected);
}
