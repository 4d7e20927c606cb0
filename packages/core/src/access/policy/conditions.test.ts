import { expect, test } from "vitest";
import { comparing, valueFlaw } from "./conditions.ts";
import type { Comparison } from "./policy.ts";

test.each<[op: Comparison, value: unknown, holds: unknown[], fails: unknown[]]>([
  ["eq", 5, [5, "5", "5.0"], [6, "five", null, undefined, {}]],
  ["eq", "GET", ["GET"], ["get", 0]],
  ["eq", true, [true], [false, "yes"]],
  ["neq", "GET", ["POST", 1], ["GET", undefined]],
  ["in", ["GET", 1], ["GET", 1, "1"], ["POST", undefined, ["GET"]]],
  ["not_in", ["GET"], ["POST"], ["GET", undefined]],
  ["lt", 10, [9, "9", -1], [10, 11, "x", undefined, true]],
  ["lte", 10, [10], [10.5]],
  ["gt", 10, [11], [10, null]],
  ["gte", "10", [10, "10"], [9]],
  [
    "regex",
    "^https://api\\.example\\.com/",
    ["https://api.example.com/x"],
    ["https://evil.example/", 1, undefined],
  ],
  ["regex", "b+", ["abbc"], ["ac"]],
  ["contains", "b", ["abc", ["b"]], ["ac", ["a"], 1, undefined]],
  ["contains", 5, [[1, "5"]], ["5"]],
  ["exists", true, [0, "", false], [undefined, null]],
  ["exists", false, [undefined, null], [0]],
])("%s %j", (op, value, holds, fails) => {
  const compare = comparing(op, value);
  for (const given of holds) expect(compare(given), JSON.stringify(given)).toBe(true);
  for (const given of fails) expect(compare(given), JSON.stringify(given)).toBe(false);
});

test("a pattern and a text that were made for each other take no time", () => {
  const compare = comparing("regex", "^(a+)+$");
  const begun = performance.now();
  expect(compare(`${"a".repeat(50_000)}!`)).toBe(false);
  expect(performance.now() - begun).toBeLessThan(5000);
});

test.each<[Comparison, unknown]>([
  ["in", "GET"],
  ["not_in", []],
  ["lt", "many"],
  ["exists", "yes"],
  ["regex", "(?=x)"],
  ["regex", "("],
  ["regex", 5],
  ["regex", "x".repeat(1001)],
])("%s cannot be compared with %j", (op, value) => {
  expect(valueFlaw(op, value)).toMatch(/\w/);
});
