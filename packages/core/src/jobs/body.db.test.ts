import { describe, expect, test } from "vitest";
import { type Input, parseExactly } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00.000Z");
const { setup, target, run, create } = testBench({ clock });

type Said = Partial<Input<"create_job">>;

async function sent(): Promise<{ method: string; type: string | undefined; body: string }> {
  await drain(setup.scheduler, clock);
  const { method, headers, body } = target.arrivals.at(-1)!;
  return { method, type: headers["content-type"], body };
}

const json = "application/json";
const text = "text/plain; charset=utf-8";

describe("what is sent of a body", () => {
  test.each<[string, Said, { method: string; type: string | undefined; body: string }]>([
    ["nothing", {}, { method: "GET", type: undefined, body: "" }],
    ["an object", { body: { a: 1 } }, { method: "POST", type: json, body: '{"a":1}' }],
    ["a list", { body: [1] }, { method: "POST", type: json, body: "[1]" }],
    ["the text of an object", { body: ' {"a": 1}' }, { method: "POST", type: json, body: ' {"a": 1}' }],
    ["the text of a list", { body: "[]" }, { method: "POST", type: json, body: "[]" }],
    ["what only looks like JSON", { body: "{a: 1}" }, { method: "POST", type: text, body: "{a: 1}" }],
    ["a number as text", { body: "5" }, { method: "POST", type: text, body: "5" }],
    ["text", { body: "hé" }, { method: "POST", type: text, body: "hé" }],
    ["a method of its own", { body: "x", method: "GET" }, { method: "GET", type: text, body: "x" }],
    [
      "a type of its own",
      { body: "{}", headers: { "content-type": "text/x" } },
      { method: "POST", type: "text/x", body: "{}" },
    ],
  ])("of %s", async (_, said, expected) => {
    await create({ url: target.url, ...said });
    expect(await sent()).toEqual(expected);
  });

  test("a batch and a declaration send as create_job does", async () => {
    await run("create_jobs", { jobs: [{ name: "one", url: target.url, body: "[]" }] });
    expect(await sent()).toEqual({ method: "POST", type: json, body: "[]" });
    await run("put_job", { key: "two", name: "two", url: target.url, body: "x" });
    expect(await sent()).toEqual({ method: "POST", type: text, body: "x" });
  });
});

describe("a change of a body", () => {
  test.each<[string, Said, Input<"update_job">["body"], [method: string, type: string | undefined]]>([
    ["the first one makes GET a POST", {}, "x", ["POST", text]],
    ["of PUT stays PUT", { method: "PUT" }, "x", ["PUT", text]],
    ["of a GET that had one stays GET", { method: "GET", body: "x" }, "[]", ["GET", json]],
    ["from JSON to text changes its type", { body: {} }, "x", ["POST", text]],
    ["from text to JSON changes its type", { body: "x" }, {}, ["POST", json]],
    ["keeps a type of its own", { body: "x", headers: { "Content-Type": "a/b" } }, "[]", ["POST", "a/b"]],
    ["to none takes its type away", { body: "x" }, null, ["POST", undefined]],
  ])("%s", async (_, said, body, [method, type]) => {
    const { id } = await create({ when: "1h", ...said });
    const { method: to, headers } = await run("update_job", { job_id: id, body });
    expect([to, headers["Content-Type"]]).toEqual([method, type]);
  });

  test("other headers leave the type of a body that stays", async () => {
    const { id } = await create({ when: "1h", body: "x" });
    const { headers } = await run("update_job", { job_id: id, headers: { "X-A": "1" } });
    expect(headers).toEqual({ "X-A": "1", "Content-Type": text });
  });
});

describe("numbers that no double holds", () => {
  const number = parseExactly("[7615917337495251231]").value as [number];
  const asserted = (value: unknown) => ({
    assertions: [{ type: "json_path_equals" as const, path: "$.id", value: value as number }],
  });

  test.each([
    ['{"id": 7615917337495251231}', "succeeded"],
    ['{"id": 7615917337495251231.0}', "succeeded"],
    ['{"id": 7615917337495251000}', "failed"],
    ['{"id": "7615917337495251231"}', "failed"],
  ])("an answer of %s ends %s", async (answered, status) => {
    target.answer((_, response) => void response.end(answered));
    const { id } = await create({ url: target.url, retry: { max_attempts: 1 }, ...asserted(number[0]) });
    await sent();
    target.answer(200);
    const { data } = await run("list_executions", { job_id: id });
    expect(data[0]).toMatchObject({ status });
  });

  test("are answered as they were said, and the same again is no change", async () => {
    const said = { key: "exact", name: "exact", url: target.url, when: "1h", ...asserted(number[0]) };
    const first = await run("put_job", said);
    expect(JSON.stringify(first.assertions)).toContain(":7615917337495251231}");
    clock.advance(1000);
    expect((await run("put_job", said)).updated_at).toBe(first.updated_at);
    const other = parseExactly("[7615917337495251232]").value as [number];
    expect((await run("put_job", { ...said, ...asserted(other[0]) })).updated_at).not.toBe(first.updated_at);
  });

  test("tell two requests of one idempotency key apart", async () => {
    const said = { name: "once", url: target.url, when: "1h", idempotency_key: "digits" };
    await run("create_job", { ...said, ...asserted(number[0]) });
    await run("create_job", { ...said, ...asserted(number[0]) });
    const other = parseExactly("[7615917337495251232]").value as [number];
    await expect(run("create_job", { ...said, ...asserted(other[0]) })).rejects.toMatchObject({
      code: "idempotency_key_reuse",
    });
  });
});
