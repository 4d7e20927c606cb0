import { describe, expect, test } from "vitest";
import { SchedulerError } from "./errors.ts";
import { exampleOf } from "./examples.ts";
import { parseInput } from "./input.ts";
import type { Operation } from "./operation.ts";
import { type OperationName, operations } from "./operations/index.ts";
import { maxBodyBytes } from "./schemas/request.ts";

const all = Object.values<Operation>(operations);

function refusal(name: OperationName, input: unknown): SchedulerError {
  try {
    parseInput(operations[name], input);
  } catch (error) {
    expect(error).toBeInstanceOf(SchedulerError);
    expect((error as SchedulerError).code).toBe("invalid_input");
    return error as SchedulerError;
  }
  throw new Error(`${name} took it`);
}

const job = { name: "a", url: "https://a.example/" };
const create = (fields: object) => refusal("create_job", { ...job, ...fields });

test("defaults are filled in, and nothing else is changed", () => {
  const body = { list: [1, "é", null, { deep: true }] };
  expect(parseInput(operations.create_job, { ...job, name: " a ", body })).toEqual({
    name: "a",
    url: "https://a.example/",
    timezone: "UTC",
    body,
  });
  expect(parseInput(operations.get_me, undefined)).toEqual({});
});

test.each(["get_execution", "wait_for_execution"] as const)("%s waits for 50 seconds at the most", (name) => {
  const wait = (wait_seconds: number) => ({ execution_id: "exec_1", wait_seconds });
  for (const seconds of [0, 50]) expect(parseInput(operations[name], wait(seconds))).toEqual(wait(seconds));
  for (const seconds of [51, -1, 0.5])
    expect(refusal(name, wait(seconds))).toMatchObject({
      field: "wait_seconds",
      hint: "Give wait_seconds like 30, from 0 to 50.",
    });
});

test("a job of a batch is not tried by itself", () => {
  expect(refusal("create_jobs", { jobs: [{ ...job, dry_run: true }] }).field).toBe("jobs.0.dry_run");
});

test.each(all)(
  "$name takes no field that it does not know, and says so before anything else",
  (operation) => {
    const known = Object.keys(operation.input.shape);
    const error = refusal(operation.name as OperationName, { nope: 1 });
    expect(error).toMatchObject({ field: "nope", message: '"nope" is not a known field.' });
    for (const field of known) expect(error.hint).toContain(field);
  },
);

/** The value that a field's example begins with. */
function sample(field: string): unknown {
  const [json] = /^("[^"]*"|\{.*?\}|\[.*?\]|\d+)/.exec(exampleOf(field) ?? "") ?? [];
  return json === undefined ? undefined : (JSON.parse(json) as unknown);
}

function sampleInput(operation: Operation): object {
  const fields = Object.keys(operation.input.shape).map((field) => [field, sample(field)]);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as object;
}

test.each(all)("the examples that $name's hints give are good", (operation) => {
  for (const [field, value] of Object.entries(sampleInput(operation)))
    expect(operation.input.shape[field]!.safeParse(value), field).toMatchObject({ success: true });
});

describe("a refusal names the field and the fix", () => {
  test.each<[OperationName, unknown, string | undefined, string, string]>([
    [
      "create_job",
      { url: "https://a.example" },
      "name",
      '"name" is required.',
      'Give name like "nightly-report".',
    ],
    [
      "create_job",
      [],
      undefined,
      "create_job: expected an object, not a list",
      "Send a JSON object with name, url",
    ],
    ["create_job", { ...job, cron: 5 }, "cron", "expected text, not a number", 'Give cron like "0 9 * * *".'],
    [
      "create_job",
      { ...job, retry: { max: 1 } },
      "retry.max",
      "not a known field",
      "retry takes max_attempts, strategy",
    ],
    [
      "create_job",
      { ...job, success_statuses: ["2xx", "ok"] },
      "success_statuses.1",
      "expected a status such as 304",
      '["2xx", 304]',
    ],
    [
      "create_job",
      { ...job, timeout_seconds: 301 },
      "timeout_seconds",
      "goes from 1 to 300",
      "from 1 to 300",
    ],
    ["create_job", { ...job, run_at: "tomorrow" }, "run_at", "RFC 3339", "Give run_at like"],
    ["create_job", { ...job, start_at: "1969-12-31T23:59:59Z" }, "start_at", "1970 to 9999", "like"],
    ["create_job", { ...job, end_at: "9999-12-31T23:59:59-14:00" }, "end_at", "1970 to 9999", "like"],
    [
      "create_job",
      { ...job, metadata: { ["k".repeat(101)]: "v" } },
      `metadata.${"k".repeat(91)}…`,
      "<=100",
      "billing",
    ],
    [
      "list_jobs",
      { state: "runing" },
      "state",
      "not one of the values",
      "Use one of draft, active, paused, completed, canceled.",
    ],
    [
      "create_token",
      { name: "a", kind: "cron" },
      "kind",
      "not one of the values",
      "Use one of user, agent, system, service.",
    ],
    [
      "list_jobs",
      { ["x".repeat(500_000)]: 1 },
      `${"x".repeat(100)}…`,
      "not a known field",
      "list_jobs takes state",
    ],
    ["get_me", { a: 1 }, "a", "not a known field", "get_me takes no fields"],
  ])("%s %#: %s", (name, input, field, detail, hint) => {
    const error = refusal(name, input);
    expect(error.field).toBe(field);
    expect(error.message).toContain(detail);
    expect(error.hint).toContain(hint);
    expect(error.message.length + error.hint.length).toBeLessThan(600);
  });
});

describe("a refusal tells every mistake", () => {
  test("with its field and its fix, the first of them as its own", () => {
    const error = refusal("create_job", {
      nmae: "a",
      uri: "https://a.example/",
      method: "post",
      timeout_seconds: 600,
      max_runs: 0,
      retry: { max_retries: 3, jitter: "yes" },
      success_statuses: [99],
    });
    const [first, ...more] = error.errors!;
    expect(error).toMatchObject({ field: first!.field, message: first!.detail, hint: first!.hint });
    const told = Object.fromEntries(
      [first!, ...more].map(({ field, detail, hint }) => [field, `${detail} ${hint}`]),
    );
    expect(Object.keys(told).toSorted()).toEqual([
      "max_runs",
      "method",
      "nmae",
      "retry.jitter",
      "retry.max_retries",
      "success_statuses.0",
      "timeout_seconds",
      "uri",
    ]);
    expect(told).toMatchObject({
      nmae: expect.stringContaining('Did you mean "name"?') as string,
      uri: expect.stringContaining('Did you mean "url"?') as string,
      method: expect.stringContaining('Did you mean "POST"?') as string,
      timeout_seconds: expect.stringContaining("goes from 1 to 300") as string,
      max_runs: expect.stringContaining("goes from 1 to 1000000000") as string,
      "retry.max_retries": expect.stringContaining('Did you mean "max_attempts"?') as string,
      "retry.jitter": expect.stringContaining("true or false, without quotes") as string,
    });
  });

  test("and tells no more of them than anybody reads", () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`unknown_${index}`, 1]));
    expect(refusal("list_jobs", many).errors).toHaveLength(20);
  });

  test("with times that are still to come", () => {
    const [, example] = /"([^"]+)"/.exec(create({ run_at: "tomorrow" }).hint)!;
    expect(Date.parse(example!)).toBeGreaterThan(Date.now());
  });
});

test("a refusal within a batch names the one and the fix", () => {
  expect(refusal("create_jobs", { jobs: [job, { ...job, cron: 5 }] })).toMatchObject({
    field: "jobs.1.cron",
    hint: 'Give cron like "0 9 * * *".',
  });
  expect(refusal("create_jobs", { jobs: [{ url: job.url }] })).toMatchObject({
    message: '"jobs.0.name" is required.',
    hint: 'Give name like "nightly-report".',
  });
  expect(refusal("create_jobs", { jobs: [job, "job"] })).toMatchObject({
    field: "jobs.1",
    hint: expect.stringContaining('Change "jobs.1"'),
  });
});

describe("a URL", () => {
  test.each(["http://a.example", "https://127.0.0.1:8080/x?y=z#w", "https://münchen.example/ü"])(
    "%s is taken",
    (url) => {
      expect(parseInput(operations.create_job, { ...job, url }).url).toBe(url);
    },
  );
  test.each([
    ["a.example/x", "whole URL"],
    ["/x", "whole URL"],
    ["ftp://a.example", "http or https"],
    ["javascript:alert(1)", "http or https"],
    ["https://user:secret@a.example", "Authorization header"],
    ["https://a.example/x\ny", "line breaks"],
    [" https://a.example", "white space"],
    [`https://a.example/${"x".repeat(2048)}`, "2048"],
  ])("%s is refused: %s", (url, why) => {
    const error = create({ url });
    expect(error).toMatchObject({ field: "url", message: expect.stringContaining(why) });
    expect(error.message + error.hint).not.toContain("secret");
  });
});

describe("headers", () => {
  test.each<[Record<string, string>, string, string]>([
    [{ "X A": "1" }, "headers.X A", "not a header name"],
    [{ "X-A": "a\r\nX-B: b" }, "headers.X-A", "one line"],
    [{ "X-A": "日本" }, "headers.X-A", "Latin-1"],
    [{ Host: "b.example" }, "headers.Host", "set by the sender"],
    [{ "content-Length": "5" }, "headers.content-Length", "set by the sender"],
    [{ "Sched-Attempt": "5" }, "headers.Sched-Attempt", "set by the sender"],
    [{ "X-Cron-Service-Job-Id": "5" }, "headers.X-Cron-Service-Job-Id", "set by the sender"],
    [{ "X-A": "1", "x-a": "2" }, "headers.x-a", "given twice"],
    [Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`X-${i}`, "v"])), "headers", "at most 50"],
  ])("%o are refused", (headers, field, why) => {
    expect(create({ headers })).toMatchObject({ field, message: expect.stringContaining(why) });
  });
  test.each([
    ["Bearer sk-proj-4f9a8b7c6d5e", "x"],
    ["sk_live_4eC39HqLyjWDarjtT1zdp7dc", "line\nbreak"],
    [`X-${"a1".repeat(30)}`, "line\nbreak"],
  ])("whose name may be a token are refused without repeating it: %s", (name, value) => {
    const error = create({ headers: { [name]: value } });
    expect(error).toMatchObject({ code: "invalid_input", field: "headers.…" });
    expect(JSON.stringify([error.message, error.hint, error.field])).not.toContain(name.slice(2));
  });
  test("that belong to the caller are taken", () => {
    const headers = { "Idempotency-Key": "k", "User-Agent": "mine", Authorization: "Bearer é" };
    expect(parseInput(operations.create_job, { ...job, headers }).headers).toEqual(headers);
  });
});

describe("a body", () => {
  const nested = (levels: number) => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`) as unknown;

  test("may weigh as much as is allowed and not a byte more, whatever it is made of", () => {
    const fitting = ["é".repeat(maxBodyBytes / 2), ["x".repeat(maxBodyBytes - 4)]];
    for (const body of fitting) expect(parseInput(operations.create_job, { ...job, body }).body).toBe(body);
    const heavy = [
      `${"é".repeat(maxBodyBytes / 2)}x`,
      ["x".repeat(maxBodyBytes - 3)],
      Array(400_000).fill(1),
    ];
    for (const body of heavy)
      expect(create({ body })).toMatchObject({
        field: "body",
        message: expect.stringMatching(/at most 262144 bytes/),
      });
  });

  test.each([3_000, 100_000])("nested %i levels deep is refused, not a stack overflow", (levels) => {
    const error = create({ body: nested(levels) });
    expect(error.message).toContain("nested more than 100 levels deep");
    expect(error.field!.length).toBeLessThanOrEqual(101);
  });

  test("that contains itself is refused", () => {
    const body: Record<string, unknown> = {};
    body["self"] = body;
    expect(create({ body }).message).toContain("levels deep");
  });

  test.each([5, true, null, () => "x", new Map(), [1n], { at: new Date() }, [Number.NaN]])(
    "%o is refused",
    (body) => {
      expect(create({ body })).toMatchObject({
        field: expect.stringMatching(/^body/),
        hint: expect.stringContaining("sent as JSON"),
      });
    },
  );
});

describe("what could not be stored as it is", () => {
  test.each<[OperationName, string, string]>([
    [
      "create_job",
      '{"name":"a","url":"https://a.example","metadata":{"__proto__":"x"}}',
      "metadata.__proto__",
    ],
    ["create_job", '{"name":"a","url":"https://a.example","headers":{"__proto__":"x"}}', "headers.__proto__"],
    ["create_job", '{"name":"a","url":"https://a.example","body":[{"__proto__":1}]}', "body.0.__proto__"],
    ["create_job", '{"__proto__":1,"name":"a","url":"https://a.example"}', "__proto__"],
    ["create_job", '{"name":"a\\u0000","url":"https://a.example"}', "name"],
    ["create_job", '{"name":"a","url":"https://a.example","metadata":{"\\ud800":"x"}}', "metadata.\ufffd"],
    ["list_jobs", '{"search":"\\u0000"}', "search"],
    ["list_jobs", '{"metadata":{"a":"\\udc00"}}', "metadata.a"],
    ["login", '{"email":"a\\u0000@b","password":"x"}', "email"],
  ])("%s refuses %s", (name, json, field) => {
    expect(refusal(name, JSON.parse(json)).field).toBe(field);
  });
});
