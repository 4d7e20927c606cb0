import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, run, create } = testBench({ clock });

const queueOf = async (name: string) =>
  (await run("list_queues", {})).data.find((queue) => queue.name === name);

describe("a queue", () => {
  test("is made when a job first names it, or when it is changed", async () => {
    await create({ queue: "webhooks" });
    await create({});
    const job = await create({ queue: "webhooks" });
    await run("update_job", { job_id: job.id, queue: "other" });
    await run("pause_queue", { name: "paused" });
    await run("update_queue", { name: "limited", concurrency: 2 });
    const { data } = await run("list_queues", {});
    const byName = data.toSorted((one, other) => one.name.localeCompare(other.name));
    expect(byName.map(({ name }) => name)).toEqual(["default", "limited", "other", "paused", "webhooks"]);
    expect(byName.map(({ paused }) => paused)).toEqual([false, false, false, true, false]);
    expect(byName[1]).toMatchObject({
      concurrency: 2,
      rate_limit: null,
      priority: 0,
      waiting: 0,
      running: 0,
    });
  });

  test("keeps what is not said, and loses what is set to null", async () => {
    const all = {
      concurrency: 3,
      rate_limit: { max: 10, period_seconds: 60 },
      paused: true,
      timeout_seconds: 7,
      retry: { max_attempts: 2 },
      priority: 5,
    };
    await run("update_queue", { name: "a", ...all });
    expect(await run("update_queue", { name: "a", priority: 6 })).toMatchObject({
      ...all,
      retry: { max_attempts: 2, strategy: "exponential" },
      priority: 6,
    });
    const nothing = {
      concurrency: null,
      rate_limit: null,
      timeout_seconds: null,
      retry: null,
      priority: null,
    };
    expect(await run("update_queue", { name: "a", ...nothing })).toMatchObject({
      ...nothing,
      priority: 0,
      paused: true,
    });
  });

  test("is sealed off from the other half of the workspace", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    expect((await run("list_queues", {}, setup.testCaller)).data).toEqual([]);
    await run("update_queue", { name: "a", concurrency: 2 }, setup.testCaller);
    expect(await queueOf("a")).toMatchObject({ concurrency: 1 });
  });

  test.each([
    [{ name: "with space" }, "name"],
    [{ name: "a", concurrency: 0 }, "concurrency"],
    [{ name: "a", rate_limit: { max: 1 } }, "rate_limit.period_seconds"],
    [{ name: "a", rate_limit: { max: 0, period_seconds: 1 } }, "rate_limit.max"],
    [{ name: "a", priority: 101 }, "priority"],
    [{ name: "a", timeout_seconds: 301 }, "timeout_seconds"],
    [{ name: "a", retry: { strategy: "list" } }, "retry.delays_seconds"],
    [{ name: "a", parallel: 3 }, "parallel"],
  ])("refuses %j", async (input, field) => {
    await expect(run("update_queue", input as Input<"update_queue">)).rejects.toMatchObject({
      code: "invalid_input",
      field,
      hint: expect.stringMatching(/\w/),
    });
    expect((await run("list_queues", {})).data).toEqual([]);
  });

  test("lists the jobs that are in it", async () => {
    const job = await create({ queue: "a" });
    await create({ queue: "b" });
    expect((await run("list_jobs", { queue: "a" })).data.map(({ id }) => id)).toEqual([job.id]);
  });
});

describe("what a job does not say, its queue does", () => {
  test("its retries and its timeout, as they are when it is sent", async () => {
    await run("update_queue", { name: "a", timeout_seconds: 5, retry: { max_attempts: 2 } });
    const job = await create({ queue: "a", cron: "* * * * *" });
    expect(job).toMatchObject({ timeout_seconds: 5, retry: { max_attempts: 2 } });
    await run("update_queue", { name: "a", retry: { max_attempts: 1 } });
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ retry: { max_attempts: 1 } });
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z")).toHaveLength(1);
    const { data } = await run("list_executions", { job_id: job.id });
    expect(data[0]).toMatchObject({ queue: "a", max_attempts: 1 });
  });

  test("and what a job does say goes first, until it is taken back", async () => {
    await run("update_queue", { name: "a", timeout_seconds: 5, retry: { max_attempts: 2 } });
    const job = await create({ queue: "a", timeout_seconds: 9, retry: { max_attempts: 3 } });
    expect(job).toMatchObject({ timeout_seconds: 9, retry: { max_attempts: 3 } });
    const job_id = job.id;
    expect(await run("update_job", { job_id, method: "POST" })).toMatchObject({ timeout_seconds: 9 });
    expect(await run("update_job", { job_id, timeout_seconds: null, retry: null })).toMatchObject({
      timeout_seconds: 5,
      retry: { max_attempts: 2 },
    });
    expect(await run("update_job", { job_id, queue: null })).toMatchObject({
      queue: "default",
      timeout_seconds: 30,
      retry: { max_attempts: 8 },
    });
  });
});
