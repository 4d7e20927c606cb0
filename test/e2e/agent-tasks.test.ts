import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { startTarget, type Target } from "@org/scheduler-core/testing";
import type { Json } from "./ask.ts";
import { connectMcp, type Mcp } from "./connect-mcp.ts";

// What people ask an agent for, each told in the calls that its tools' descriptions lead to: ids are never looked up, and what
// a call answers is enough for the next one.

let mcp: Mcp;
let target: Target;
let calls: number;
const made: number[] = [];

beforeAll(async () => {
  mcp = await connectMcp(inject("server"));
  target = await startTarget();
  target.answer(({ path }, response) => {
    if (path === "/slow") return;
    if (path === "/id") response.end('{"id": 7615917337495251231}');
    else response.writeHead(path === "/bad" ? 500 : 200).end("said");
  });
});
afterAll(async () => {
  await mcp[Symbol.asyncDispose]();
  await target.close();
});
beforeEach(({ onTestFinished }) => {
  calls = 0;
  onTestFinished(() => void made.push(calls));
});

async function call(name: string, args: Json): Promise<Json> {
  calls++;
  const { isError, json } = await mcp.call(name, args);
  expect(isError, JSON.stringify(json)).toBe(false);
  return json;
}

const attemptsOf = (execution: Json) => execution["attempts"] as Json[];
const once = { max_attempts: 1 };

test("call a URL now, and tell what it answered", async () => {
  await call("create_job", { name: "task hello", url: `${target.url}/hello` });
  const execution = await call("wait_for_execution", { job_id: "task hello" });
  expect(attemptsOf(execution)[0]).toMatchObject({ status: "succeeded", response_body: "said" });
});

test("post a report each weekday at half past eight in Berlin", async () => {
  const said = { name: "task report", url: `${target.url}/report`, body: { report: "daily" } };
  const job = await call("create_job", { ...said, schedule: "30 8 * * 1-5", timezone: "Europe/Berlin" });
  expect(job).toMatchObject({
    kind: "cron",
    schedule_description: "At 08:30, Monday through Friday (Europe/Berlin)",
    next_run_local: expect.stringContaining("T08:30:00") as string,
  });
});

test("remind somebody in two hours", async () => {
  const job = await call("create_job", {
    name: "task remind",
    url: `${target.url}/remind`,
    when: "in 2 hours",
    body: "stand-up",
  });
  expect(job).toMatchObject({ kind: "scheduled", state: "active" });
});

test("check a health endpoint every quarter of an hour, one at a time", async () => {
  const said = { name: "task health", key: "task-health", url: `${target.url}/health` };
  const job = await call("create_job", { ...said, every_n_minutes: "15", overlap: "SKIP", timeout: "5s" });
  expect(job).toMatchObject({ kind: "recurring", note: expect.stringContaining("as 5") as string });
});

test("find out whether a cron means every 13 hours", async () => {
  const preview = await call("preview_schedule", { cron: "0 */13 * * *" });
  expect(preview).toMatchObject({ description: "At 00:00 and 13:00 (UTC)" });
});

test("call what fails, with two attempts, and tell why", async () => {
  const retry = { max_attempts: 2, strategy: "fixed", base_seconds: 0.1, jitter: false };
  await call("create_job", { name: "task bad", url: `${target.url}/bad`, retry });
  const execution = await call("wait_for_execution", { job_id: "task bad" });
  expect(execution).toMatchObject({ status: "failed", attempt_count: 2, status_code: 500 });
});

test("see what fails", async () => {
  const jobs = await call("list_jobs", { min_consecutive_failures: 1, search: "task" });
  expect(jobs).toMatchObject({ showing: "1 of 1", data: [{ name: "task bad", last_status: "failed" }] });
});

test("tell why the last run failed", async () => {
  const why = await call("explain_job", { job_id: "task bad" });
  expect(why).toMatchObject({ verdict: "failed", explanation: expect.stringContaining("500") as string });
});

test("replay what failed", async () => {
  expect(await call("replay_executions", { job_id: "task bad", dry_run: true })).toMatchObject({
    matched: 1,
  });
  expect(await call("replay_executions", { job_id: "task bad", per_second: 5 })).toMatchObject({
    replayed: 1,
  });
});

test("mend it, and run it again", async () => {
  expect(await call("update_job", { job_id: "task bad", url: `${target.url}/ok` })).toMatchObject({
    changed: ["url"],
  });
  const { id } = await call("run_job", { job_id: "task bad" });
  expect(await call("wait_for_execution", { execution_id: id })).toMatchObject({ status: "succeeded" });
});

test("let its default retries hold again", async () => {
  expect(await call("update_job", { job_id: "task bad", clear: ["retry"] })).toMatchObject({
    changed: ["retry"],
  });
});

test("pause a job", async () => {
  expect(await call("pause_job", { job_id: "task report" })).toMatchObject({ state: "paused" });
});

test("let it go on", async () => {
  expect(await call("resume_job", { job_id: "task report" })).toMatchObject({ state: "active" });
});

test("send one at a time", async () => {
  expect(await call("update_queue", { name: "task-slowly", concurrency: 1 })).toMatchObject({
    created: true,
  });
  expect(await call("update_job", { job_id: "task-health", queue: "task-slowly" })).toMatchObject({
    changed: ["queue"],
  });
});

test("pause all jobs of a queue, after seeing which those are", async () => {
  const trial = await call("pause_jobs", { queue: "task-slowly", dry_run: true });
  expect(trial).toMatchObject({ matched: 1, jobs: [{ name: "task health", outcome: "changed" }] });
  expect(await call("pause_jobs", { queue: "task-slowly" })).toMatchObject({ changed: 1 });
});

test("start something slow, and cancel it", async () => {
  const { execution_id } = await call("create_job", { name: "task slow", url: `${target.url}/slow` });
  await expect.poll(() => target.arrivals.some(({ path }) => path === "/slow")).toBe(true);
  const canceled = await call("cancel_execution", { execution_id });
  expect(canceled).toMatchObject({ job_name: "task slow", status: "canceled" });
});

test("take an answer for good only where an id is exactly this one", async () => {
  const assertions = { type: "json_path_equals", path: "$.id", value: "7615917337495251231" };
  await call("create_job", { name: "task id", url: `${target.url}/id`, assertions, retry: once });
  expect(await call("wait_for_execution", { job_id: "task id" })).toMatchObject({ status: "succeeded" });
});

test("delete a reminder with its history, and tell who did", async () => {
  expect(await call("delete_job", { job_id: "task remind", purge: true })).toMatchObject({
    name: "task remind",
    deleted_by: "user:bootstrap",
    purged: true,
  });
});

test("and all of that in few calls", () => {
  const average = made.reduce((sum, count) => sum + count, 0) / made.length;
  expect(made.length).toBe(18);
  expect(average).toBeLessThanOrEqual(2.5);
});
