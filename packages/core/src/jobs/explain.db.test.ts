import { describe, expect, test } from "vitest";
import type { Job, Output } from "@org/scheduler-contract";
import { plan } from "../engine/plan.ts";
import { testBench } from "../testing/bench.ts";
import { drain, noRoom, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run, create: hourly } = testBench({ clock, job: { cron: "0 * * * *" } });

function explain({ id: job_id }: Job, at?: string): Promise<Output<"explain_job">> {
  return run("explain_job", { job_id, ...(at === undefined ? {} : { at }) });
}

test("fired: the slot, and what it answers for until the next one", async () => {
  const job = await hourly();
  const [fired] = await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
  clock.set("2026-03-01T13:40:00Z");
  const explanation = {
    verdict: "fired",
    at: "2026-03-01T13:00:00.000Z",
    explanation: "The slot of 2026-03-01T13:00:00.000Z fired and succeeded with status 200.",
    execution: { id: fired!.execution_id },
    next_run_at: "2026-03-01T14:00:00.000Z",
  };
  expect(await explain(job)).toMatchObject(explanation);
  expect(await explain(job, "2026-03-01T13:39:00Z")).toMatchObject(explanation);
  expect(await explain(job, "2026-03-01T14:39:00+01:00")).toMatchObject(explanation);
});

test("under_way: what is awaited", async () => {
  const job = await hourly({ retry: { base_seconds: 60, jitter: false } });
  target.answer(503);
  await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
  expect(await explain(job)).toMatchObject({
    verdict: "under_way",
    explanation:
      "The slot of 2026-03-01T13:00:00.000Z is retrying after 1 of 8 attempts (The target answered 503). " +
      "The next attempt is at 2026-03-01T13:01:00.000Z.",
    advice: expect.stringContaining("wait_for_execution"),
  });
});

test("under_way: due, and no worker has taken it", async () => {
  const job = await hourly();
  clock.set("2026-03-01T13:00:01Z");
  const overdue = { verdict: "under_way", at: "2026-03-01T13:00:00.000Z", execution: null };
  expect(await explain(job)).toMatchObject({
    ...overdue,
    explanation: "The slot of 2026-03-01T13:00:00.000Z is due and waits for a worker with a free slot.",
  });
  expect(await explain(job, "2026-03-01T13:00:00Z")).toMatchObject(overdue);
  expect(await explain(job, "2026-03-01T12:59:59Z")).toMatchObject({ verdict: "not_due" });
});

test("failed: after how many attempts and why", async () => {
  const job = await hourly({ retry: { max_attempts: 1 } });
  target.answer(503);
  await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
  expect(await explain(job)).toMatchObject({
    verdict: "failed",
    explanation:
      "The slot of 2026-03-01T13:00:00.000Z fired and failed after 1 of 1 attempts (The target answered 503).",
    advice: expect.stringContaining("replay_execution"),
  });
});

describe("not_fired", () => {
  test("missed while nobody planned, for every slot of the stretch", async () => {
    const job = await hourly();
    await drain(setup.scheduler, clock, "2026-03-01T16:30:00Z");
    for (const at of ["2026-03-01T13:00:00Z", "2026-03-01T14:10:00Z", "2026-03-01T15:59:00Z"]) {
      expect(await explain(job, at)).toMatchObject({
        verdict: "not_fired",
        explanation: expect.stringContaining("no worker was running (3 slots passed"),
        execution: { status: "skipped", reason: "missed" },
        advice: `To run it all the same: run_job {"job_id": "${job.id}"}.`,
      });
    }
    expect(await explain(job, "2026-03-01T16:10:00Z")).toMatchObject({ verdict: "fired" });
  });

  test("not due because the job was paused then, though its schedule has the slot", async () => {
    const job = await hourly();
    await run("pause_job", { job_id: job.id });
    clock.set("2026-03-01T13:30:00Z");
    expect(await explain(job, "2026-03-01T13:10:00Z")).toMatchObject({ verdict: "not_due" });
    await run("resume_job", { job_id: job.id });
    expect(await explain(job, "2026-03-01T13:00:00Z")).toMatchObject({
      verdict: "not_fired",
      explanation: expect.stringContaining("the job was paused then") as string,
    });
    expect(await explain(job, "2026-03-01T13:10:00Z")).toMatchObject({ verdict: "not_due" });
  });

  test("paused over its only slot: what to do is what works", async () => {
    const job = await run("create_job", { name: "once", url: target.url, when: "1h" });
    await run("pause_job", { job_id: job.id });
    clock.set("2026-03-01T13:30:00Z");
    const { advice } = await explain(job);
    expect(advice).toContain(`run_job {"job_id": "${job.id}"}`);
    await expect(run("resume_job", { job_id: job.id })).rejects.toMatchObject({ code: "conflict" });
    await run("update_job", { job_id: job.id, when: "in 5m" });
    expect(await run("resume_job", { job_id: job.id })).toMatchObject({ state: "active" });
  });

  test("left out because the execution before it was not over", async () => {
    target.answer(500);
    const retry = { strategy: "fixed", base_seconds: 7200, jitter: false } as const;
    const job = await hourly({ overlap: "skip", retry });
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    await drain(setup.scheduler, clock, "2026-03-01T14:00:00Z");
    expect(await explain(job)).toMatchObject({
      verdict: "not_fired",
      at: "2026-03-01T14:00:00.000Z",
      explanation: expect.stringContaining("the job does not let its executions overlap") as string,
      advice: expect.stringContaining('overlap "allow" or "queue"') as string,
    });
  });

  test("waits in line", async () => {
    target.answer(500);
    const retry = { strategy: "fixed", base_seconds: 7200, jitter: false } as const;
    const job = await hourly({ overlap: "queue", retry });
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    await drain(setup.scheduler, clock, "2026-03-01T14:00:00Z");
    expect(await explain(job)).toMatchObject({
      verdict: "under_way",
      explanation: expect.stringContaining("It waits for the execution before it to be over.") as string,
    });
  });

  test("canceled before it fired", async () => {
    const job = await hourly();
    clock.set("2026-03-01T13:00:10Z");
    await plan(setup.scheduler.engine, noRoom);
    const { data } = await run("list_executions", { job_id: job.id });
    await run("cancel_execution", { execution_id: data[0]!.id });
    expect(await explain(job)).toMatchObject({
      verdict: "not_fired",
      explanation: "The slot of 2026-03-01T13:00:00.000Z ended as canceled before it fired: it was canceled.",
    });
  });

  test("paused, whether it had fired before or not", async () => {
    const job = await hourly();
    await run("pause_job", { job_id: job.id });
    const paused = {
      next_run_at: null,
      advice: expect.stringContaining(`resume_job {"job_id": "${job.id}"}`),
    };
    expect(await explain(job)).toMatchObject({ verdict: "not_fired", ...paused, execution: null, at: null });
    await run("resume_job", { job_id: job.id });
    await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
    await run("pause_job", { job_id: job.id });
    expect(await explain(job)).toMatchObject({
      verdict: "fired",
      explanation: expect.stringContaining("The job is paused now and does not fire."),
      ...paused,
    });
    clock.set("2026-03-01T15:00:00Z");
    expect(await explain(job, "2026-03-01T14:00:00Z")).toMatchObject({ verdict: "not_fired", ...paused });
  });
});

test("not_due: between slots, before the first, and in the future", async () => {
  const job = await hourly();
  expect(await explain(job)).toMatchObject({
    verdict: "not_due",
    at: null,
    explanation: "No slot of the job was due. Its next run is at 2026-03-01T13:00:00.000Z.",
  });
  expect(await explain(job, "2026-03-01T13:00:00Z")).toMatchObject({
    verdict: "not_due",
    explanation:
      "2026-03-01T13:00:00.000Z is still to come. The job's next run is at 2026-03-01T13:00:00.000Z.",
  });
});

test("never_due: before it was made, or after its end", async () => {
  const job = await hourly({ max_runs: 1 });
  expect(await explain(job, "2026-03-01T11:00:00Z")).toMatchObject({
    verdict: "never_due",
    explanation: expect.stringContaining("it was created at 2026-03-01T12:00:00.000Z"),
  });
  await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z");
  clock.set("2026-03-01T15:00:00Z");
  expect(await explain(job, "2026-03-01T14:00:00Z")).toMatchObject({
    verdict: "never_due",
    explanation: expect.stringContaining("The job is completed"),
    next_run_at: null,
  });
});
