import { type Client, createClient } from "@org/scheduler-client";
import assert from "node:assert/strict";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { ask, type Json } from "./ask.ts";
import { type Mcp, mcpLines } from "./connect-mcp.ts";
import { type Expected, expectToolError, expectProblemAnswer } from "./problem.ts";

const server = inject("server");
let mcps: Mcp[];
/** Callers of both halves of the workspace: what one makes is foreign to the other. */
const live = createClient(server);
let other: Client;
let before: Json[];

const url = "https://api.example.com/sync";

beforeAll(async () => {
  mcps = await Promise.all(mcpLines.map(([, connect]) => connect(server)));
  const { token } = await live.createToken({ name: "the other half", kind: "service", mode: "test" });
  other = createClient({ url: server.url, token });
  for (const client of [live, other]) await client.createJob({ name: "there already", url, when: "24h" });
  before = await everything();
});
afterAll(async () => {
  for (const mcp of mcps) await mcp[Symbol.asyncDispose]();
});
afterEach(async () => assert.deepEqual(await everything(), before, "nothing is written"));

/** All that could have come of the requests of this file: others use the server at the same time. */
async function everything(): Promise<Json[]> {
  const { host } = new URL(url);
  const jobs = await Promise.all([live, other].map((client) => client.listJobs({ search: host })));
  const executions = await Promise.all([live, other].map((client) => client.listExecutions({ host })));
  const tokens = (await live.listTokens()).data.map(({ id }) => id);
  return [...jobs, ...executions, { tokens }];
}

const schedule = (field: string): Expected => ({ status: 422, code: "invalid_schedule", field });
const input = (field: string): Expected => ({ status: 422, code: "invalid_input", field });

const wrongFields: [what: string, fields: Json, expected: Expected][] = [
  ["a cron out of range", { cron: "61 * * * *" }, schedule("cron")],
  ["a cron of four fields", { cron: "* * * *" }, schedule("cron")],
  ["a cron of six fields", { cron: "0 0 9 * * *" }, schedule("cron")],
  ["a cron that never comes", { cron: "0 0 30 2 *" }, schedule("cron")],
  ["an empty cron", { cron: "" }, input("cron")],
  ["an ISO 8601 duration", { when: "PT2H" }, schedule("when")],
  ["a delay below a second", { when: "500ms" }, schedule("when")],
  ["a time that has passed", { when: "2020-01-01T00:00:00Z" }, schedule("when")],
  ["a time that nobody can read", { when: "soonish" }, schedule("when")],
  ["an instant without offset", { run_at: "2036-01-01 09:00" }, input("run_at")],
  ["two timings", { when: "2h", cron: "0 9 * * *" }, schedule("cron")],
  ["a kind that the timing is not", { when: "2h", kind: "cron" }, schedule("kind")],
  ["an unknown zone", { cron: "0 9 * * *", timezone: "Mars/Olympus" }, schedule("timezone")],
  ["an end before the start", { cron: "0 9 * * *", end_at: "2020-01-01T00:00:00Z" }, schedule("end_at")],
  ["no URL", { url: undefined }, input("url")],
  ["a URL without a scheme", { url: "api.example.com/sync" }, input("url")],
  ["a URL of another scheme", { url: "ftp://api.example.com/" }, input("url")],
  ["a URL with a password", { url: "https://me:secret@api.example.com/" }, input("url")],
  ["an unknown method", { method: "FETCH" }, input("method")],
  ["a header with a space", { headers: { "X Source": "a" } }, input("headers.X Source")],
  ["a header of two lines", { headers: { "X-Source": "a\r\nX-Evil: b" } }, input("headers.X-Source")],
  ["a header that frames the message", { headers: { Host: "evil.example" } }, input("headers.Host")],
  ["a timeout of 0", { timeout_seconds: 0 }, input("timeout_seconds")],
  ["a timeout of 301", { timeout_seconds: 301 }, input("timeout_seconds")],
  ["a timeout in words", { timeout_seconds: "30" }, input("timeout_seconds")],
  ["a retry without attempts", { retry: { max_attempts: 0 } }, input("retry.max_attempts")],
  ["a queue with a space", { queue: "my queue" }, input("queue")],
  ["a delay of more than a day", { delay_seconds: 86_401 }, input("delay_seconds")],
  ["a delay and a time", { delay_seconds: 5, when: "2h" }, schedule("delay_seconds")],
  ["an unknown assertion", { assertions: [{ type: "looks_good", value: 1 }] }, input("assertions.0.type")],
  [
    "an assertion on no path",
    { assertions: [{ type: "json_path_equals", value: 1 }] },
    input("assertions.0.path"),
  ],
  [
    "an assertion on many places",
    { assertions: [{ type: "json_path_equals", path: "$..a", value: 1 }] },
    input("assertions.0.path"),
  ],
  [
    "eleven assertions",
    { assertions: Array.from({ length: 11 }, () => ({ type: "status_equals", value: 200 })) },
    input("assertions"),
  ],
  ["a callback that is no URL", { callback_url: "done" }, input("callback_url")],
  ["a header that signs", { headers: { "Webhook-Signature": "v1,a" } }, input("headers.Webhook-Signature")],
  ["an unknown field", { colour: "red" }, input("colour")],
  ["an unknown field inside", { retry: { attempts: 3 } }, input("retry.attempts")],
  ["a key with a space", { key: "a b" }, input("key")],
  ["a key with a slash", { key: "../jobs" }, input("key")],
  ["something to revive without its key", { revive: true }, input("revive")],
  ["a draft in words", { draft: "yes" }, input("draft")],
  ["a dry run in words", { dry_run: "yes" }, input("dry_run")],
  ["an empty name", { name: " " }, input("name")],
  ["a body over 256 KB", { body: "x".repeat(256 * 1024 + 1) }, input("body")],
];

/** What a strict caller has wrong, and a model can only mean one way. */
const meantOverMcp = new Set(["an empty cron", "an instant without offset", "a timeout in words"]);

describe.each(wrongFields)("%s", (what, fields, expected) => {
  const job = { name: "wrong", url, ...fields };

  test("creates no job", async () => {
    const { token } = server;
    expectProblemAnswer(await ask(`${server.url}/v1/jobs`, { token, body: job }), expected);
    if (meantOverMcp.has(what)) return;
    for (const mcp of mcps) {
      const { isError, json } = await mcp.call("create_job", job);
      expect(isError).toBe(true);
      expectToolError(json, expected);
    }
  });
});

test.each([
  ["is too long", "x".repeat(256)],
  ["is no ASCII", "\u00e9"],
  ["is empty", ""],
])("an idempotency key that %s creates no job", async (_, key) => {
  const job = { name: "wrong", url };
  const headers = { "Idempotency-Key": key };
  const expected = input("idempotency_key");
  expectProblemAnswer(
    await ask(`${server.url}/v1/jobs`, { token: server.token, body: job, headers }),
    expected,
  );
  if (key === "") return;
  for (const mcp of mcps)
    expectToolError((await mcp.call("create_job", { ...job, idempotency_key: key })).json, expected);
});

test("an idempotency key that nothing would heed is refused", async () => {
  const { token } = server;
  const headers = { "Idempotency-Key": "a" };
  const expected = input("idempotency_key");
  const body = { name: "a token" };
  expectProblemAnswer(await ask(`${server.url}/v1/tokens`, { token, body, headers }), expected);
  const keyed = { name: "wrong", url, idempotency_key: "a" };
  expectProblemAnswer(await ask(`${server.url}/v1/jobs`, { token, body: keyed }), expected);
});

test("a good job is only tried by a dry run", async () => {
  const job = { name: "tried", url, cron: "0 9 * * *", dry_run: true };
  const { status, json } = await ask(`${server.url}/v1/jobs`, { token: server.token, body: job });
  expect(status).toBe(200);
  expect(json).toMatchObject({ name: "tried", state: "active", dry_run: true, notes: [] });
  expect(await live.createJob(job)).toMatchObject({ dry_run: true });
  for (const mcp of mcps)
    expect(await mcp.call("create_job", job)).toMatchObject({
      json: { name: "tried", dry_run: true, notes: [] },
    });
});

const byId: [tool: string, idField: string, method: string, path: string][] = [
  ["get_job", "job_id", "GET", "jobs/ID"],
  ["update_job", "job_id", "PATCH", "jobs/ID"],
  ["pause_job", "job_id", "POST", "jobs/ID/pause"],
  ["resume_job", "job_id", "POST", "jobs/ID/resume"],
  ["run_job", "job_id", "POST", "jobs/ID/run"],
  ["delete_job", "job_id", "DELETE", "jobs/ID"],
  ["explain_job", "job_id", "GET", "jobs/ID/explain"],
  ["get_execution", "execution_id", "GET", "executions/ID"],
  ["replay_execution", "execution_id", "POST", "executions/ID/replay"],
  ["cancel_execution", "execution_id", "POST", "executions/ID/cancel"],
];

test.each(byId)("%s of what is foreign, unknown or no id is not found", async (tool, field, method, path) => {
  const foreign = (await other.listJobs()).data[0]!.id;
  for (const id of [
    foreign,
    "job_01h455vb4pex5vsknk084sn02q",
    "exec_01h455vb4pex5vsknk084sn02q",
    "42",
    "'",
  ]) {
    const expected = { status: 404, code: "not_found", field };
    const at = `${server.url}/v1/${path.replace("ID", encodeURIComponent(id))}`;
    expectProblemAnswer(await ask(at, { token: server.token, method }), expected);
    for (const mcp of mcps) expectToolError((await mcp.call(tool, { [field]: id })).json, expected);
  }
});

test("a list of a foreign job's executions is not found, nor is cancel_job of it", async () => {
  const { id } = (await other.listJobs()).data[0]!;
  const { token, url } = server;
  const expected = { status: 404, code: "not_found", field: "job_id" };
  expectProblemAnswer(await ask(`${url}/v1/jobs/${id}/cancel`, { token, method: "POST" }), expected);
  expectProblemAnswer(await ask(`${url}/v1/executions?job_id=${id}`, { token }), expected);
  for (const mcp of mcps) expectToolError((await mcp.call("list_executions", { job_id: id })).json, expected);
});

test.each([
  ["list_jobs", "jobs?limit=0", { limit: 0 }, input("limit")],
  ["list_jobs", "jobs?limit=101", { limit: -1 }, input("limit")],
  ["list_jobs", "jobs?colour=red", { colour: "red" }, input("colour")],
  ["list_jobs", "jobs?state=sleeping", { state: "sleeping" }, input("state")],
  [
    "list_jobs",
    "jobs?cursor=nonsense",
    { cursor: "nonsense" },
    { status: 422, code: "invalid_cursor", field: "cursor" },
  ],
  ["list_executions", "executions?from=yesterday", { from: "yesterday" }, input("from")],
])("%s refuses %s", async (tool, path, args, expected) => {
  expectProblemAnswer(await ask(`${server.url}/v1/${path}`, { token: server.token }), expected);
  for (const mcp of mcps) expectToolError((await mcp.call(tool, args)).json, expected);
});
