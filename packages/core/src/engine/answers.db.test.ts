import { gzipSync } from "node:zlib";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Assertion, Attempt, Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, passTime, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run, create } = testBench({ clock, job: { retry: { jitter: false } } });

async function lastExecution() {
  const { data } = await run("list_executions", {});
  return run("get_execution", { execution_id: data[0]!.id });
}

test("a target that is gone for good ends all attempts, and explain_job tells", async () => {
  target.answer(410);
  const { id: job_id } = await create();
  await passTime(setup.scheduler, clock, "2026-03-01T18:00:00Z");
  expect(target.arrivals).toHaveLength(1);
  expect(await lastExecution()).toMatchObject({ status: "failed", reason: "terminal", attempt_count: 1 });
  expect(await run("explain_job", { job_id })).toMatchObject({
    verdict: "failed",
    explanation:
      "The slot of 2026-03-01T12:00:00.000Z fired and failed after 1 of 8 attempts (The target answered 410): " +
      "its target wants no further attempt.",
  });
});

test("a target says at a later attempt that it wants no more, and a replay starts anew", async () => {
  target.answer(503);
  await create();
  await drain(setup.scheduler, clock);
  target.answer((_, response) => void response.writeHead(503, { "Sched-Retry": "no" }).end());
  await drain(setup.scheduler, clock, "2026-03-01T12:00:05Z");
  const failed = await lastExecution();
  expect(failed).toMatchObject({ status: "failed", reason: "terminal", attempt_count: 2 });
  target.answer(200);
  await run("replay_execution", { execution_id: failed.id });
  await drain(setup.scheduler, clock);
  expect(await lastExecution()).toMatchObject({ status: "succeeded", reason: null });
});

test("a storm of 429 is ridden out at the pace that the target asks for", async () => {
  target.answer((_, response) => void response.writeHead(429, { "Retry-After": "300" }).end());
  await create();
  await drain(setup.scheduler, clock);
  expect(await lastExecution()).toMatchObject({
    status: "retrying",
    next_attempt_at: expect.stringMatching("2026-03-01T12:05:00") as string,
  });
  await passTime(setup.scheduler, clock, "2026-03-01T12:16:00Z");
  expect(target.arrivals).toHaveLength(4);
  target.answer(200);
  await passTime(setup.scheduler, clock, "2026-03-01T12:21:00Z");
  expect(await lastExecution()).toMatchObject({ status: "succeeded", attempt_count: 5 });
});

test("a Retry-After beyond the time to live expires the execution at once", async () => {
  target.answer((_, response) => void response.writeHead(429, { "Retry-After": "300" }).end());
  await create({ ttl_seconds: 60 });
  await drain(setup.scheduler, clock);
  expect(await lastExecution()).toMatchObject({ status: "expired", reason: "ttl" });
});

test("an assertion that does not hold fails the attempt with words, and holds at the next", async () => {
  let state = "pending";
  target.answer((_, response) => void response.end(JSON.stringify({ order: { state } })));
  await create({ assertions: [{ type: "json_path_equals", path: "$.order.state", value: "done" }] });
  await drain(setup.scheduler, clock);
  expect(await lastExecution()).toMatchObject({
    status: "retrying",
    status_code: 200,
    error: { code: "assertion", message: 'Expected $.order.state to be "done", got "pending".' },
  });
  state = "done";
  await drain(setup.scheduler, clock, "2026-03-01T12:00:06Z");
  expect(await lastExecution()).toMatchObject({
    status: "succeeded",
    error: null,
    attempts: [
      { status: "http_error", error_code: "assertion", status_code: 200 },
      { status: "succeeded", error_code: null },
    ],
  });
});

test("a job goes where answers lead only if it says so, and never to a forbidden address", async () => {
  const retry = { max_attempts: 1 };
  target.answer(({ path }, response) => {
    const to = path === "/out" ? "http://10.0.0.1/" : "/there";
    if (path === "/there") response.end("here");
    else response.writeHead(302, { Location: to }).end();
  });
  const outcomes: string[] = [];
  for (const [path, follow_redirects] of [
    ["/", false],
    ["/", true],
    ["/out", true],
  ] as const) {
    await create({ url: target.url + path, follow_redirects, retry });
    await drain(setup.scheduler, clock);
    const { status, status_code, error } = await lastExecution();
    outcomes.push(`${status} ${status_code} ${error?.code ?? ""}`.trim());
    clock.advance(1000);
  }
  expect(outcomes).toEqual(["failed 302 status", "succeeded 200", "failed 302 address_blocked"]);
});

test("an answer that cannot be judged is a failure, and its request is not sent again", async () => {
  const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
  target.answer((_, response) => void response.end(deep));
  const assertions: Assertion[] = [{ type: "json_path_equals", path: "$[0]", value: 1 }];
  await create({ method: "POST", retry: { max_attempts: 1 }, assertions });
  await create({ method: "POST", assertions });
  // As nobody can write it any more, but somebody may have.
  await sql`
    update scheduler.revisions set assertions = '[{"type": "json_path_equals", "value": 1}]'
    where retry ->> 'max_attempts' <> '1'`.execute(setup.scheduler.engine.database.db);
  await passTime(setup.scheduler, clock, "2026-03-02T12:00:00Z");
  expect(target.arrivals).toHaveLength(2);
  const { data } = await run("list_executions", {});
  expect(data.map(({ status, error }) => `${status} ${error?.code}`).toSorted()).toEqual([
    "failed assertion",
    "failed unusable",
  ]);
});

describe("the record of an attempt", () => {
  async function attemptOf(fields: Partial<Input<"create_job">>): Promise<Attempt> {
    const { id } = await create({ url: `${target.url}/start`, ...fields });
    await drain(setup.scheduler, clock);
    const { data } = await run("list_executions", { job_id: id });
    const { attempts } = await run("get_execution", { execution_id: data[0]!.id });
    return attempts[0]!;
  }

  test("says what was sent, and that no redirect led elsewhere", async () => {
    expect(await attemptOf({ method: "PUT" })).toMatchObject({
      method: "PUT",
      url: `${target.url}/start`,
      redirected: false,
      method_changed: false,
      response_encoding: "text",
    });
  });

  test.each([
    [302, { method: "GET", method_changed: true }],
    [307, { method: "POST", method_changed: false }],
  ])("says where a %i led, and what became of the method", async (status, expected) => {
    target.answer(({ path }, response) => {
      if (path !== "/start") response.end("there");
      else response.writeHead(status, { location: `/caf\u00e9?a=1` }).end();
    });
    expect(await attemptOf({ body: "x", follow_redirects: true })).toMatchObject({
      ...expected,
      url: `${target.url}/caf%C3%A9?a=1`,
      redirected: true,
      response_body: "there",
    });
  });

  test("keeps what is no text as its bytes, and several cookies apart", async () => {
    const bytes = Buffer.from([0x89, 0x50, 0, 1]);
    target.answer((_, response) => void response.writeHead(200, { "set-cookie": ["a=1", "b=2"] }).end(bytes));
    expect(await attemptOf({})).toMatchObject({
      response_body: bytes.toString("base64"),
      response_encoding: "base64",
      response_headers: { "set-cookie": ["a=1", "b=2"] },
    });
  });

  test("has what a coding and a charset hide, also of a body that was not asked for packed", async () => {
    const packed = gzipSync(Buffer.from("gr\u00fc\u00dfe", "latin1"));
    const headers = { "content-encoding": "gzip", "content-type": "text/plain; charset=latin1" };
    target.answer((_, response) => void response.writeHead(200, headers).end(packed));
    const holds = { type: "body_contains", value: "grüße" } as const;
    expect(await attemptOf({ assertions: [holds] })).toMatchObject({
      status: "succeeded",
      response_body: "grüße",
    });
  });
});
