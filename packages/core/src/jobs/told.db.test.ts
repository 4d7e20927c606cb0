import { describe, expect, test } from "vitest";
import { retain, startRetaining } from "../engine/retain.ts";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

// Answers that tell what happened, so that nobody has to ask again.

const start = "2026-03-01T12:00:00.000Z";
const clock = testClock(start);
const { setup, target, run, create } = testBench({ clock });

describe("create_job", () => {
  test("names the execution of a job that runs now, and of no other", async () => {
    const job = await create();
    await drain(setup.scheduler, clock);
    expect((await run("list_executions", { job_id: job.id })).data).toMatchObject([{ id: job.execution_id }]);
    expect(await create({ when: "1h" })).not.toHaveProperty("execution_id");
    expect(await create({ dry_run: true })).not.toHaveProperty("execution_id");
  });

  test("says the first run as the clocks of its zone show it", async () => {
    const job = await create({ cron: "30 9 * * *", timezone: "Europe/Berlin" });
    expect(job).toMatchObject({ next_run_local: "2026-03-02T09:30:00+01:00" });
    expect((await create({ draft: true })).next_run_local).toBeNull();
  });
});

describe("update_job", () => {
  test("says what changed, and that nothing did", async () => {
    const { id: job_id } = await create({ when: "1h", body: "x" });
    const changes = async (change: object) => (await run("update_job", { job_id, ...change })).changed;
    expect(await changes({ body: "y", name: "b" })).toEqual(["name", "body"]);
    expect(await changes({ body: {} })).toEqual(["headers", "body"]);
    expect(await changes({ body: {}, name: "b" })).toEqual([]);
    expect(await changes({ cron: "0 9 * * *" })).toEqual(["kind", "cron", "run_at"]);
    expect(await changes({ queue: "web", dry_run: true })).toEqual(["queue"]);
    expect(await changes({ queue: null })).toEqual([]);
  });
});

test("update_queue says whether it made the queue", async () => {
  expect(await run("update_queue", { name: "new", paused: true })).toMatchObject({ created: true });
  expect(await run("update_queue", { name: "new", paused: false })).toMatchObject({ created: false });
});

describe("delete_job", () => {
  test("names what it deleted, and says the same again", async () => {
    const { id: job_id } = await create({ name: "nightly", key: "nightly", when: "1h" });
    const deleted = await run("delete_job", { job_id });
    expect(deleted).toMatchObject({
      deleted: true,
      id: job_id,
      name: "nightly",
      key: "nightly",
      deleted_at: start,
      deleted_by: "user:bootstrap",
      purged: false,
      advice: expect.stringContaining('{"key": "nightly", "revive": true}') as string,
    });
    clock.advance(60_000);
    expect(await run("delete_job", { job_id })).toEqual(deleted);
    await expect(run("delete_job", { job_id }, setup.testCaller)).rejects.toMatchObject({
      code: "not_found",
    });
  });

  test("takes the history along where that is to go, once it is over, and nothing else", async () => {
    const kept = await create();
    const { id: job_id } = await create();
    await drain(setup.scheduler, clock);
    const retainAll = async () => {
      while ((await retain(setup.scheduler.engine, startRetaining())) < 1000);
    };
    await run("delete_job", { job_id });
    await retainAll();
    expect((await run("list_executions", { job_id })).data).toHaveLength(1);

    expect(await run("delete_job", { job_id, purge: true })).toMatchObject({ purged: true });
    await retainAll();
    expect((await run("list_executions", {})).data.map((execution) => execution.job_id)).toEqual([kept.id]);
    await expect(run("list_executions", { job_id })).rejects.toMatchObject({ code: "not_found" });
    await expect(run("delete_job", { job_id })).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("an execution", () => {
  test("has its job's name, how late it was, and when it goes on", async () => {
    target.answer(503);
    const { id: job_id } = await create({ name: "late", cron: "5 12 * * *", retry: { jitter: false } });
    await drain(setup.scheduler, clock, "2026-03-01T12:05:02.500Z");
    const { data } = await run("list_executions", { job_id });
    expect(data[0]).toMatchObject({
      job_name: "late",
      lateness_ms: 2500,
      max_attempts: 8,
      next_attempt_at: expect.stringMatching(/^2026-03-01T12:05:07/) as string,
    });
    await run("delete_job", { job_id });
    expect((await run("list_executions", { job_id })).data[0]).toMatchObject({ job_name: "late" });
  });
});

test("lists say how many there are, by state and status, whatever the page", async () => {
  target.answer(({ path }, response) => void response.writeHead(path === "/bad" ? 404 : 200).end());
  await create();
  await create();
  await create({ url: `${target.url}/bad`, queue: "web" });
  await create({ when: "1h", draft: true });
  await drain(setup.scheduler, clock);
  const jobs = async (filter: object) =>
    (await run("list_jobs", { ...filter, counts: true, limit: 1 })).counts;
  expect(await jobs({})).toEqual({ total: 4, capped: false, by: { completed: 3, draft: 1 } });
  expect(await jobs({ queue: "web" })).toEqual({ total: 1, capped: false, by: { completed: 1 } });
  expect(await jobs({ state: "draft" })).toEqual({ total: 1, capped: false, by: { draft: 1 } });
  const first = await run("list_executions", { counts: true, limit: 1 });
  expect(first.counts).toEqual({ total: 3, capped: false, by: { succeeded: 2, failed: 1 } });
  const second = await run("list_executions", { counts: true, limit: 1, cursor: first.next_cursor! });
  expect(second.counts).toEqual(first.counts);
  expect(await run("list_executions", {})).not.toHaveProperty("counts");
});

describe("explain_job without an instant", () => {
  test("explains the last execution, whoever asked for it, and names the next slot", async () => {
    const { id: job_id } = await create({ cron: "0 * * * *", retry: { max_attempts: 1 } });
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    target.answer(500);
    clock.advance(60_000);
    const asked = await run("run_job", { job_id });
    await drain(setup.scheduler, clock);
    expect(await run("explain_job", { job_id })).toMatchObject({
      verdict: "failed",
      explanation: expect.stringMatching(
        /^The run that was asked for at 2026-03-01T13:01:00.000Z fired and failed.*next slot is at 2026-03-01T14:00/,
      ) as string,
      execution: { id: asked.id },
      advice: expect.stringContaining("after a change of the job use run_job") as string,
    });
  });

  test("names the paused queue in whose line it waits", async () => {
    await run("update_queue", { name: "web", paused: true });
    const { id: job_id } = await create({ queue: "web" });
    await drain(setup.scheduler, clock);
    expect(await run("explain_job", { job_id })).toMatchObject({
      verdict: "under_way",
      explanation: expect.stringContaining("Its queue web is paused.") as string,
    });
  });
});
