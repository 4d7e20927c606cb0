import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const start = "2026-03-01T12:00:00.000Z";
const later = "2026-03-01T13:00:30.000Z";
const clock = testClock(start);
const { setup, target, run, create: draft } = testBench({ clock, job: { draft: true } });

type Fields = Partial<Input<"create_job">>;

test.each<[string, Fields, string]>([
  ["no timing", {}, "one_time"],
  ["an instant", { when: "1h" }, "scheduled"],
  ["a cron", { cron: "* * * * *" }, "cron"],
  ["an interval", { every_n_minutes: 1 }, "recurring"],
])("a draft with %s is stored and fires nothing", async (_, fields, kind) => {
  const job = await draft(fields);
  expect(job).toMatchObject({ state: "draft", kind, next_run_at: null, next_runs: [] });
  expect(await drain(setup.scheduler, clock, "2026-03-01T15:00:00Z")).toEqual([]);
  expect(await run("get_job", { job_id: job.id })).toEqual(job);
  const list = async (state: "draft" | "active") => (await run("list_jobs", { state })).data;
  expect([await list("draft"), await list("active")]).toEqual([[job], []]);
});

test.each<[Fields, string]>([
  [{ cron: "0 0 31 2 *" }, "cron"],
  [{ when: "yesterday" }, "when"],
  [{ run_at: "2026-02-01T00:00:00Z" }, "run_at"],
  [{ cron: "0 9 * * *", end_at: "2026-03-02T08:59:00Z" }, "end_at"],
  [{ when: "1h", start_at: "2026-03-02T00:00:00Z" }, "start_at"],
])("a draft that would never fire is refused: %o", async (fields, field) => {
  await expect(draft(fields)).rejects.toMatchObject({ code: "invalid_schedule", field });
  expect((await run("list_jobs", {})).data).toEqual([]);
});

test("drafts and others come in one batch", async () => {
  const job = { name: "a job", url: target.url, when: "1h" };
  const { data } = await run("create_jobs", {
    jobs: [{ ...job, draft: true }, job, { ...job, draft: false }],
  });
  expect(data.map(({ state }) => state)).toEqual(["draft", "active", "active"]);
  const drafts = await run("create_jobs", { jobs: [{ ...job, draft: true }] });
  expect(drafts.data).toMatchObject([{ state: "draft", next_run_at: null }]);
});

describe("resume_job", () => {
  test("makes a draft without a timing due at once, then and not before", async () => {
    const { id: job_id, schedule_description } = await draft();
    expect(schedule_description).toBe("Once, as soon as it is resumed");
    clock.set(later);
    expect(await run("resume_job", { job_id })).toMatchObject({
      state: "active",
      run_at: later,
      next_run_at: later,
      schedule_description: "Once, at 2026-03-01T13:00:30+00:00 (UTC)",
    });
    expect(await drain(setup.scheduler, clock, later)).toMatchObject([{ scheduled_for: later }]);
    expect(await run("get_job", { job_id })).toMatchObject({ state: "completed", run_at: later });
    expect(target.arrivals).toHaveLength(1);
  });

  test.each<[Fields, string]>([
    [{ cron: "0 * * * *" }, "2026-03-01T14:00:00.000Z"],
    // From where it counts since it was made.
    [{ every_n_minutes: 7 }, "2026-03-01T13:03:00.000Z"],
    [{ when: "2h" }, "2026-03-01T14:00:00.000Z"],
    [{ cron: "0 * * * *", start_at: "2026-03-01T15:00:00Z" }, "2026-03-01T15:00:00.000Z"],
  ])("counts the next run of %o from now", async (fields, next_run_at) => {
    const { id: job_id } = await draft(fields);
    clock.set(later);
    expect(await run("resume_job", { job_id })).toMatchObject({ state: "active", next_run_at });
    expect(await drain(setup.scheduler, clock, next_run_at)).toHaveLength(1);
  });

  test.each<[Fields, string]>([
    [{ when: "1h" }, "Its time, 2026-03-01T13:00:00.000Z, passed while it was a draft."],
    [{ end_at: later }, "Its schedule has no run between start_at and end_at any more."],
    [{ cron: "0 * * * *", end_at: later }, "Its schedule has no run between start_at and end_at any more."],
  ])("refuses %o once its time has passed, and leaves it a draft", async (fields, message) => {
    const job = await draft(fields);
    clock.set("2026-03-01T13:00:31Z");
    await expect(run("resume_job", { job_id: job.id })).rejects.toMatchObject({
      code: "conflict",
      message,
      hint: expect.stringContaining("update_job"),
    });
    expect(await run("get_job", { job_id: job.id })).toEqual(job);
    await run("update_job", { job_id: job.id, when: "5m", end_at: null });
    expect(await run("resume_job", { job_id: job.id })).toMatchObject({
      next_run_at: "2026-03-01T13:05:31.000Z",
    });
  });
});

test("update_job changes everything about a draft, and keeps it one", async () => {
  const { id: job_id } = await draft();
  const changes = {
    name: "b",
    method: "PUT" as const,
    url: `${target.url}/b`,
    cron: "0 9 * * 1-5",
    timezone: "Europe/Berlin",
    max_runs: 3,
    end_at: "2027-01-01T00:00:00.000Z",
  };
  expect(await run("update_job", { job_id, ...changes })).toMatchObject({
    ...changes,
    state: "draft",
    kind: "cron",
    next_run_at: null,
    next_runs: [],
    schedule_description: "At 09:00, Monday through Friday (Europe/Berlin)",
  });
  await expect(run("update_job", { job_id, when: "PT2H" })).rejects.toMatchObject({ field: "when" });
  expect(await drain(setup.scheduler, clock, "2026-03-09T12:00:00Z")).toEqual([]);
});

test.each<Fields>([{}, { when: "1h" }, { cron: "0 * * * *", max_runs: 1 }])(
  "run_job runs the draft %o once and leaves it as it is",
  async (fields) => {
    const job = await draft(fields);
    expect(await run("run_job", { job_id: job.id })).toMatchObject({ trigger: "manual" });
    expect(await drain(setup.scheduler, clock)).toHaveLength(1);
    expect(target.arrivals).toHaveLength(1);
    expect(await run("get_job", { job_id: job.id })).toEqual({
      ...job,
      last_run_at: start,
      last_status: "succeeded",
    });
    expect(await run("resume_job", { job_id: job.id })).toMatchObject({ state: "active" });
  },
);

test("explain_job says that a draft waits to be resumed, and pause_job that there is nothing to pause", async () => {
  const { id: job_id } = await draft({ cron: "* * * * *" });
  const waits = {
    verdict: "not_fired",
    explanation: "The job is a draft: it does not fire until it is resumed.",
    next_run_at: null,
    advice: `Let it fire: resume_job {"job_id": "${job_id}"}.`,
  };
  expect(await run("explain_job", { job_id })).toMatchObject(waits);
  expect(await run("explain_job", { job_id, at: "2026-03-02T00:00:00Z" })).toMatchObject(waits);
  await expect(run("pause_job", { job_id })).rejects.toMatchObject({
    code: "conflict",
    message: "The job is a draft and cannot be paused.",
  });
});
