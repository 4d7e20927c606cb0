import { describe, expect, test } from "vitest";
import type { Input, Job } from "@org/scheduler-contract";
import { plan } from "../engine/plan.ts";
import { testBench } from "../testing/bench.ts";
import { drain, noRoom, testClock } from "../testing/index.ts";

const start = "2026-03-01T12:00:00.000Z";
const later = "2026-03-01T12:00:30.000Z";
const clock = testClock(start);
const { setup, target, run, create } = testBench({ clock });

type Change = Omit<Input<"update_job">, "job_id">;

async function update({ id: job_id }: Job, change: Change): Promise<Job> {
  const { changed: _, ...updated } = await run("update_job", { job_id, ...change });
  expect(await run("get_job", { job_id })).toEqual(updated);
  return updated;
}

const full = {
  name: "full",
  description: "all of it",
  method: "POST",
  headers: { "X-Source": "x" },
  body: "text",
  cron: "0 9 * * *",
  timezone: "Europe/Berlin",
  start_at: "2026-03-05T00:00:00.000Z",
  end_at: "2026-06-01T00:00:00.000Z",
  max_runs: 10,
  timeout_seconds: 60,
  success_statuses: [201],
  retry: { max_attempts: 3 },
  metadata: { team: "ops" },
} satisfies Partial<Input<"create_job">>;

describe("what is given changes, and nothing else", () => {
  test.each<[string, Change, Partial<Job>]>([
    ["nothing", {}, {}],
    ["the name", { name: "b" }, { name: "b" }],
    ["the URL", { url: "https://b.example/" }, { url: "https://b.example/" }],
    ["the method", { method: "DELETE" }, { method: "DELETE" }],
    ["labels", { metadata: { a: "b" } }, { metadata: { a: "b" } }],
    ["the timeout", { timeout_seconds: 1 }, { timeout_seconds: 1 }],
    [
      "the runs",
      { max_runs: 2 },
      { max_runs: 2, next_runs: ["2026-03-05T08:00:00.000Z", "2026-03-06T08:00:00.000Z"] },
    ],
    [
      "the end",
      { end_at: "2026-03-05T12:00:00.000Z" },
      { end_at: "2026-03-05T12:00:00.000Z", next_runs: ["2026-03-05T08:00:00.000Z"] },
    ],
    ["description to null", { description: null }, { description: null }],
    ["headers to null", { headers: null }, { headers: { "Content-Type": "text/plain; charset=utf-8" } }],
    ["body to null", { body: null }, { body: null, headers: { "X-Source": "x" } }],
    ["max_runs to null", { max_runs: null }, { max_runs: null }],
    ["end_at to null", { end_at: null }, { end_at: null }],
    ["timeout_seconds to null", { timeout_seconds: null }, { timeout_seconds: 30 }],
    ["success_statuses to null", { success_statuses: null }, { success_statuses: ["2xx"] }],
    ["metadata to null", { metadata: null }, { metadata: {} }],
  ])("%s", async (_, change, changed) => {
    const job = await create(full);
    clock.set(later);
    expect(await update(job, change)).toEqual({ ...job, ...changed, updated_at: later });
  });

  test("retry to null", async () => {
    expect((await update(await create(full), { retry: null })).retry).toMatchObject({ max_attempts: 8 });
  });

  test("a body that stays keeps its type when headers go", async () => {
    const json = await create({ body: { a: 1 } });
    expect((await update(json, { headers: { "X-A": "1" } })).headers).toEqual({
      "X-A": "1",
      "Content-Type": "application/json",
    });
    expect((await update(json, { headers: { "content-type": "text/csv" } })).headers).toEqual({
      "content-type": "text/csv",
    });
    expect(await update(json, { headers: null, body: "text" })).toMatchObject({ headers: {}, body: "text" });
  });
});

describe("a new timing", () => {
  test.each<[Change, Partial<Job>]>([
    [{ cron: "0 10 * * *" }, { kind: "cron", cron: "0 10 * * *", next_run_at: "2026-03-05T09:00:00.000Z" }],
    [
      { when: "0 10 * * *", timezone: "UTC" },
      { cron: "0 10 * * *", next_run_at: "2026-03-05T10:00:00.000Z" },
    ],
    [{ timezone: "Asia/Tokyo" }, { cron: "0 9 * * *", next_run_at: "2026-03-05T00:00:00.000Z" }],
    [{ start_at: null }, { start_at: null, next_run_at: "2026-03-02T08:00:00.000Z" }],
    [
      { every_n_minutes: 30 },
      { kind: "recurring", cron: null, every_n_minutes: 30, next_run_at: "2026-03-05T00:00:00.000Z" },
    ],
    [
      { when: "in 5d" },
      {
        kind: "scheduled",
        cron: null,
        run_at: "2026-03-06T12:00:00.000Z",
        next_run_at: "2026-03-06T12:00:00.000Z",
      },
    ],
    [
      { run_at: "2026-03-07T00:00:00Z", start_at: null, end_at: null },
      { kind: "scheduled", next_run_at: "2026-03-07T00:00:00.000Z" },
    ],
  ])("%o moves the next run", async (change, changed) => {
    expect(await update(await create(full), change)).toMatchObject({ state: "active", ...changed });
  });

  test.each<[Change, string]>([
    [{ when: "yesterday" }, "when"],
    [{ cron: "0 0 30 2 *" }, "cron"],
    [{ cron: "0 9 * * *", when: "1h" }, "cron"],
    [{ timezone: "CEST" }, "timezone"],
    [{ run_at: "2026-02-01T00:00:00Z" }, "run_at"],
    [{ when: "1h" }, "start_at"],
    [{ end_at: "2026-03-01T00:00:00Z" }, "end_at"],
    [{ end_at: "2026-03-04T00:00:00Z" }, "end_at"],
    [{ end_at: "2026-03-05T01:00:00Z" }, "end_at"],
  ])("%o is refused and changes nothing, whether the job is active or paused", async (change, field) => {
    const job = await create(full);
    const refusal = { code: "invalid_schedule", field, hint: expect.stringMatching(/\w/) };
    await expect(update(job, { name: "b", ...change })).rejects.toMatchObject(refusal);
    expect(await run("get_job", { job_id: job.id })).toEqual(job);
    await run("pause_job", { job_id: job.id });
    // What leaves room but no run is noticed when the job is resumed.
    if (change.end_at !== "2026-03-05T01:00:00Z")
      await expect(update(job, { name: "b", ...change })).rejects.toMatchObject(refusal);
  });

  test("that says what is so already does not push the next run away", async () => {
    const job = await create({ every_n_minutes: 10 });
    clock.advance(9 * 60_000);
    for (const change of [{ every_n_minutes: 10 }, { max_runs: 5 }, { timezone: "UTC" }, { name: "b" }])
      expect((await update(job, change)).next_run_at).toBe("2026-03-01T12:10:00.000Z");
    expect((await update(job, { every_n_minutes: 11 })).next_run_at).toBe("2026-03-01T12:20:00.000Z");
  });

  test("does not forget a slot that is due, unless the timing itself is new", async () => {
    const job = await create({ cron: "0 * * * *" });
    clock.set("2026-03-01T13:30:00Z");
    await update(job, { max_runs: 100, end_at: "2026-04-01T00:00:00Z", cron: "0 * * * *" });
    expect(await drain(setup.scheduler, clock)).toMatchObject([
      { scheduled_for: "2026-03-01T13:00:00.000Z" },
    ]);
  });

  test("leaves a paused job paused; resuming goes by it", async () => {
    const job = await create({ cron: "0 * * * *" });
    await run("pause_job", { job_id: job.id });
    expect(await update(job, { every_n_minutes: 5 })).toMatchObject({ state: "paused", next_run_at: null });
    expect(await run("resume_job", { job_id: job.id })).toMatchObject({
      next_run_at: "2026-03-01T12:05:00.000Z",
    });
  });
});

describe("a job that has ended", () => {
  async function completed(fields: Partial<Input<"create_job">>): Promise<Job> {
    const job = await create(fields);
    await drain(setup.scheduler, clock, job.next_run_at!);
    const ended = await run("get_job", { job_id: job.id });
    expect(ended).toMatchObject({ state: "completed", next_run_at: null });
    clock.advance(1000);
    return ended;
  }

  test("starts over with a new timing, its runs counted anew", async () => {
    const job = await completed({ when: "1m", max_runs: 1 });
    expect(await update(job, { when: "1m" })).toMatchObject({
      state: "active",
      next_run_at: "2026-03-01T12:02:01.000Z",
    });
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:02:01Z")).toHaveLength(1);
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ state: "completed" });
    expect(await update(job, { cron: "* * * * *", max_runs: 2 })).toMatchObject({
      next_runs: ["2026-03-01T12:03:00.000Z", "2026-03-01T12:04:00.000Z"],
    });
  });

  test("goes on when it gets more runs or a later end", async () => {
    const counted = await completed({ cron: "* * * * *", max_runs: 1 });
    expect(await update(counted, { max_runs: 3 })).toMatchObject({
      state: "active",
      next_runs: ["2026-03-01T12:02:00.000Z", "2026-03-01T12:03:00.000Z"],
    });
    const bounded = await completed({ cron: "* * * * *", end_at: "2026-03-01T12:02:30Z" });
    expect(await update(bounded, { end_at: "2026-03-01T12:03:30Z" })).toMatchObject({
      state: "active",
      next_runs: ["2026-03-01T12:03:00.000Z"],
    });
  });

  test("stays ended when something else changes", async () => {
    const job = await completed({ when: "1m" });
    for (const change of [
      { name: "b" },
      { timezone: "Asia/Tokyo" },
      { max_runs: 9 },
      { end_at: "2027-01-01T00:00:00Z" },
    ])
      expect(await update(job, change)).toMatchObject({ state: "completed", next_run_at: null });
  });

  test("and one whose runs are lowered to what has been is one", async () => {
    const job = await create({ cron: "* * * * *" });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z");
    expect(await update(job, { max_runs: 1 })).toMatchObject({ state: "completed", next_run_at: null });
  });

  test("a one-shot under way takes a new timing, and fires again", async () => {
    const job = await create({ when: "1m", max_runs: 1 });
    target.answer(async (_, response) => {
      target.answer(200);
      await update(job, { when: "5m" });
      response.end();
    });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z");
    expect(await run("get_job", { job_id: job.id })).toMatchObject({
      state: "active",
      next_run_at: "2026-03-01T12:06:00.000Z",
    });
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:06:00Z")).toHaveLength(1);
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ state: "completed" });
  });
});

describe("a new request", () => {
  test("is for the executions to come; those under way keep the one they started with", async () => {
    target.answer(503);
    const job = await create({
      method: "POST",
      body: "old",
      cron: "0 * * * *",
      retry: { jitter: false, base_seconds: 10 },
    });
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    clock.set("2026-03-01T14:00:10Z");
    await plan(setup.scheduler.engine, noRoom);
    target.answer(200);
    await update(job, { body: "new", method: "PUT", url: `${target.url}/new` });
    // The retry of 13:00 and the slot of 14:00 had their request; 15:00 has the new one.
    await drain(setup.scheduler, clock, "2026-03-01T14:00:10Z");
    await drain(setup.scheduler, clock, "2026-03-01T15:00:00Z");
    expect(target.arrivals.map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
      "POST /job old",
      "POST /job old",
      "POST /job old",
      "PUT /new new",
    ]);
  });
});
