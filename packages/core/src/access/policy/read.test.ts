import { expect, test } from "vitest";
import type { SchedulerError } from "@org/scheduler-contract";
import { isKnownTool } from "./names.ts";
import { readPolicy } from "./read.ts";

const seed = `tools:
  cancel_run:
    rules:
      - action: allow
        rate_limit:
          max: 10
          window: 60
        validate:
          required_args: true
`;

test("the seed's own policy is read word for word", () => {
  const { policy, warnings } = readPolicy(seed, isKnownTool);
  expect(warnings).toEqual([]);
  expect(policy.tools.get("cancel_run")).toMatchObject([
    { name: "cancel_run#1", line: 4, action: "allow", requires: "all", limit: "10 per 60 s" },
  ]);
});

test("the file format with all that it has", () => {
  const { policy } = readPolicy(`
version: "1"
description: what agents may do
default: deny
hide: [delete_job, "trigger/cancel_run"]
x-common: &hosts ["https://a.example", "https://b.example"]
tools:
  create_job:
    rules:
      - name: known hosts
        conditions:
          - {path: args.url, op: in, value: *hosts}
        on_deny: Only a and b
      - name: hourly
        rate_limit: 5/hour
      - name: spending
        conditions:
          - {path: state.create_job.spent, op: lte, value: 100}
        state: {counter: spent, window: day, increment_from: args.amount}
      - name: ask
        action: require_approval
        conditions: [{path: args.amount, op: gt, value: 50}]
        approval_timeout: 1h30m
  "*":
    rules: [{rate_limit: 100/minute}]
approvals: {webhook: {url: "https://a.example"}}
`);
  expect(policy.default).toBe("deny");
  expect(policy.hide.map(({ tool }) => tool)).toEqual(["delete_job", "trigger/cancel_run"]);
  const rules = policy.tools.get("create_job")!;
  expect(rules.map(({ name, line }) => [name, line])).toEqual([
    ["known hosts", 10],
    ["hourly", 14],
    ["spending", 16],
    ["ask", 20],
  ]);
  expect(rules[2]!.counting).toEqual({ counter: "spent", window: "day", increment: 1, from: ["amount"] });
  expect(rules[3]!.approvalMs).toBe(90 * 60_000);
});

test("what pages about servers leave out, and JSON", () => {
  const bare = readPolicy(
    "cancel_order:\n  rules:\n  - action: deny\nget_job:\n  rules:\n  - rate_limit: 30/hour",
  );
  expect([...bare.policy.tools.keys()]).toEqual(["cancel_order", "get_job"]);
  const json = readPolicy('{"version": 1, "tools": {"get_job": {"rules": []}}}');
  expect([...json.policy.tools.keys()]).toEqual(["get_job"]);
  for (const nothing of ["", "# only words\n", "null"]) expect(readPolicy(nothing).policy.tools.size).toBe(0);
});

test("a name that does not exist is no mistake, but a warning with its line", () => {
  const { warnings } = readPolicy("hide: [nope]\ntools:\n  get_jobb: {rules: []}\n", isKnownTool);
  expect(warnings.map(({ line, message }) => [line, message])).toEqual([
    [3, 'there is no tool "get_jobb" here'],
    [1, 'there is no tool "nope" here'],
  ]);
});

const rule = (text: string): string => `tools:\n  get_job:\n    rules:\n      - ${text}\n`;

test.each<[text: string, line: number, message: string]>([
  ["tools: [", 1, ""],
  ["tools:\n\t- a", 2, ""],
  ["a: 1\na: 2", 2, "unique"],
  ["- a", 1, "map"],
  ["5", 1, "map"],
  ["version: 2", 1, '"1"'],
  ["defualt: deny", 1, "did you mean default"],
  ["default: maybe", 1, "expected allow, deny"],
  ["hide: delete_job", 1, "list"],
  ["hide: [1]", 1, "text"],
  ["tools: {get_job: {}}", 1, 'needs "rules"'],
  ["tools: {get_job: {rules: {}}}", 1, "list"],
  ["tools: {get_job: {rulez: []}}", 1, "did you mean rules"],
  [rule("action: block"), 4, "evaluate, allow, deny, require_approval"],
  [rule("action: evaluate"), 4, "evaluates nothing"],
  [rule("name: x"), 4, "evaluates nothing"],
  [rule("{action: deny, conditions: [{path: args.a, op: eq, value: 1}]}"), 4, "no meaning with deny"],
  [rule("{action: deny, rate_limit: 5/hour}"), 4, "no meaning with deny"],
  [rule("rate_limit: 5/second"), 4, "30/hour"],
  [rule("rate_limit: 0/hour"), 4, "30/hour"],
  [rule("rate_limit: {max: 10}"), 4, "window"],
  [rule("rate_limit: {max: 1.5, window: 60}"), 4, "max"],
  [rule("{rate_limit: 5/hour, conditions: [{path: args.a, op: eq, value: 1}]}"), 4, "beside rate_limit"],
  [`${rule("rate_limit: 5/hour")}      - rate_limit: 9/hour\n`, 5, "same window"],
  [rule("conditions: []"), 4, "no condition"],
  [rule("conditions: [{path: args.a, op: eq}]"), 4, 'needs "value"'],
  [rule("conditions: [{path: a.b, op: eq, value: 1}]"), 4, "args.NAME"],
  [rule("conditions: [{path: args, op: eq, value: 1}]"), 4, "args.NAME"],
  [rule("conditions: [{path: args.a, op: like, value: 1}]"), 4, "eq, neq"],
  [rule("conditions: [{path: args.a, op: in, value: 1}]"), 4, "list"],
  [rule("conditions: [{path: args.a, op: regex, value: '(?<=a)b'}]"), 4, "RE2"],
  [rule("conditions: [{path: args.a, op: exists, value: 1}]"), 4, "true or false"],
  [rule("conditions: [{path: state.get_job.n, op: lte, value: 1}]"), 4, "no rule of get_job"],
  [rule("{action: allow, state: {counter: 9, window: day}}"), 4, "text"],
  [rule("{action: allow, state: {counter: _rate_x, window: day}}"), 4, "name of letters"],
  [rule("{action: allow, state: {counter: a, window: week}}"), 4, "minute, hour, day"],
  [rule("{action: allow, state: {counter: a, window: day, increment: -1}}"), 4, "above 0"],
  [rule("{action: allow, state: {counter: a, window: day, increment_from: state.x.y}}"), 4, "args.NAME"],
  [rule("{action: allow, validate: {required_args: maybe}}"), 4, "list of names"],
  [rule("{action: allow, validate: {types: true}}"), 4, "not known"],
  [rule("{action: deny, reason: a, on_deny: b}"), 4, "same as on_deny"],
  [rule("{action: deny, approval_timeout: 30m}"), 4, "require_approval alone"],
  [rule("{action: require_approval, approval_timeout: soon}"), 4, "duration"],
  [rule("{action: require_approval, rate_limit: 5/hour}"), 4, "beside require_approval"],
  [rule("{action: deny, log: true}"), 4, "not known"],
  ["x".repeat(300_000), 1, "longer"],
])("is refused with its line: %s", (text, line, message) => {
  let thrown: SchedulerError | undefined;
  try {
    readPolicy(text);
  } catch (error) {
    thrown = error as SchedulerError;
  }
  expect(thrown).toMatchObject({ code: "invalid_policy", field: "policy" });
  expect(
    thrown!.errors!.some(
      ({ detail }) => detail.startsWith(`Line ${line}, column `) && detail.includes(message),
    ),
    thrown!.message,
  ).toBe(true);
});

test("every flaw is told at once, in their order", () => {
  const bad =
    "defualt: deny\nhide: 5\ntools:\n  a: {rules: [{action: x}]}\n  b: {rules: [{rate_limit: often}]}\n";
  expect(() => readPolicy(bad)).toThrow(
    expect.objectContaining({
      errors: [1, 2, 4, 5].map((line) =>
        expect.objectContaining({ detail: expect.stringContaining(`Line ${line},`) as string }),
      ),
    }),
  );
});

test("a document of many aliases of many takes no time", () => {
  const lines = Array.from(
    { length: 30 },
    (_, index) => `x-${index}: &a${index} [${index === 0 ? "1" : `*a${index - 1}, *a${index - 1}`}]`,
  );
  const begun = performance.now();
  readPolicy([...lines, "default: deny"].join("\n"));
  expect(() =>
    readPolicy([...lines, rule("conditions: [{path: args.a, op: in, value: *a29}]")].join("\n")),
  ).toThrow("aliases");
  expect(performance.now() - begun).toBeLessThan(5000);
});
