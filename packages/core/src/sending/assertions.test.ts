import { describe, expect, test } from "vitest";
import type { Assertion } from "@org/scheduler-contract";
import { answered } from "../testing/answered.ts";
import type { Answer } from "./answer.ts";
import { failedAssertion } from "./assertions.ts";

const body = JSON.stringify({
  state: "done",
  "odd name": { x: 1 },
  items: [{ id: 7 }, null, false, "text"],
  nested: { empty: {} },
  count: 0,
});
const answer: Answer = { ...answered, headers: { "x-state": "Ready" }, body, latencyMs: 120.4 };

function failed(assertion: Assertion, given: Partial<Answer> = {}): string | null {
  return failedAssertion([assertion], { ...answer, ...given });
}

describe("an assertion holds", () => {
  test.each([
    { type: "status_equals", value: 200 },
    { type: "header_equals", name: "X-STATE", value: "Ready" },
    { type: "body_contains", value: '"done"' },
    { type: "json_path_equals", path: "$.state", value: "done" },
    { type: "json_path_equals", path: "$['odd name'].x", value: 1 },
    { type: "json_path_equals", path: '$["odd name"]["x"]', value: 1 },
    { type: "json_path_equals", path: "$.items[0].id", value: 7 },
    { type: "json_path_equals", path: "$.items[1]", value: null },
    { type: "json_path_equals", path: "$.items[2]", value: false },
    { type: "json_path_equals", path: "$.count", value: 0 },
    { type: "answered_under_ms", value: 121 },
  ] satisfies Assertion[])("%j", (assertion) => {
    expect(failed(assertion)).toBeNull();
  });

  test("on a body that is a scalar itself", () => {
    expect(failed({ type: "json_path_equals", path: "$", value: 5 }, { body: " 5\n" })).toBeNull();
  });

  test("when the part of a long body that was kept has what is looked for", () => {
    expect(failed({ type: "body_contains", value: "done" }, { truncated: true })).toBeNull();
  });
});

describe("an assertion that does not hold says what came instead", () => {
  test.each([
    [{ type: "status_equals", value: 201 }, "Expected status 201, got 200."],
    [
      { type: "header_equals", name: "X-State", value: "ready" },
      'Expected header X-State to be "ready", got "Ready".',
    ],
    [
      { type: "header_equals", name: "X-Other", value: "a" },
      'Expected header X-Other to be "a", there is none.',
    ],
    [
      { type: "json_path_equals", path: "$.items[0].id", value: "7" },
      'Expected $.items[0].id to be "7", got 7.',
    ],
    [
      { type: "json_path_equals", path: "$.items[9]", value: null },
      "Expected $.items[9] to be null, there is none.",
    ],
    [
      { type: "json_path_equals", path: "$.items.length", value: 4 },
      "Expected $.items.length to be 4, there is none.",
    ],
    [
      { type: "json_path_equals", path: "$.state[0]", value: "d" },
      'Expected $.state[0] to be "d", there is none.',
    ],
    [
      { type: "json_path_equals", path: "$.constructor", value: "x" },
      'Expected $.constructor to be "x", there is none.',
    ],
    [
      { type: "json_path_equals", path: "$.nested", value: null },
      'Expected $.nested to be null, got {"empty":{}}.',
    ],
    [{ type: "answered_under_ms", value: 120 }, "Expected an answer in under 120 ms, it took 121 ms."],
  ] satisfies [Assertion, string][])("%j", (assertion, problem) => {
    expect(failed(assertion)).toBe(problem);
  });

  test("or that a body is no JSON", () => {
    const problem = failed({ type: "json_path_equals", path: "$.a", value: 1 }, { body: "<html>" });
    expect(problem).toBe('Expected $.a of a JSON body, got "<html>".');
  });

  test.each([
    { type: "body_contains", value: "absent" },
    { type: "json_path_equals", path: "$.state", value: "done" },
  ] satisfies Assertion[])("or that it cannot be decided on the kept part of a body: %j", (assertion) => {
    expect(failed(assertion, { truncated: true })).toContain("64 KiB, all that is kept,");
  });

  test("shortly, however much came", () => {
    const long = '\u{1F680}"'.repeat(30_000);
    expect(failed({ type: "body_contains", value: "a".repeat(2000) }, { body: long })!.length).toBeLessThan(
      300,
    );
    const headers = { "x-a": long };
    const problem = failed({ type: "header_equals", name: "x-a", value: "b" }, { headers })!;
    expect(problem.length).toBeLessThan(200);
    expect(problem.isWellFormed()).toBe(true);
  });

  test.each(["[", '{"a":'])("however deeply nested what came is: %s", (opening) => {
    const depth = 13_000;
    const closing = opening === "[" ? "]" : "}";
    const body = `{"deep":${opening.repeat(depth)}1${closing.repeat(depth)}}`;
    for (const path of ["$.deep", "$"])
      expect(failed({ type: "json_path_equals", path, value: 1 }, { body })).toBe(
        `Expected ${path} to be 1, got a deeply nested value.`,
      );
  });

  test("of several, the first", () => {
    const assertions: Assertion[] = [
      { type: "status_equals", value: 200 },
      { type: "status_equals", value: 202 },
      { type: "status_equals", value: 203 },
    ];
    expect(failedAssertion(assertions, answer)).toBe("Expected status 202, got 200.");
  });
});
