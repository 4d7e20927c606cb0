import { describe, expect, test } from "vitest";
import type { Job } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";
import { retain, startRetaining } from "./retain.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run, create } = testBench({ clock, job: { when: "1h", retry: { max_attempts: 1 } } });

async function fire({ id: job_id }: Job, status: number): Promise<string> {
  target.answer(status);
  const { id } = await run("run_job", { job_id });
  await drain(setup.scheduler, clock);
  return id;
}

/** What a worker does in the background, until nothing is left to do. */
async function retainAll(days: { retentionDays: number; deadLetterDays: number }, walk = startRetaining()) {
  while ((await retain({ ...setup.scheduler.engine, ...days }, walk)) < 1000);
}

async function history(): Promise<string[]> {
  return (await run("list_executions", { limit: 100 })).data.map(({ id }) => id);
}

async function countRows(table: "attempts" | "jobs" | "revisions" | "replays"): Promise<number> {
  return (await setup.scheduler.engine.database.db.selectFrom(table).select("scope_id").execute()).length;
}

describe("retention", () => {
  test("keeps dead letters longer than the rest, with their attempts and what it takes to replay them", async () => {
    const job = await create({ method: "POST", body: "old" });
    await fire(job, 200);
    const failed = await fire(job, 503);
    await run("delete_job", { job_id: job.id });
    const forgotten = await create();
    await run("delete_job", { job_id: forgotten.id });
    clock.set("2026-04-15T12:00:00Z");

    await retainAll({ retentionDays: 30, deadLetterDays: 90 });
    expect(await history()).toEqual([failed]);
    expect(await countRows("attempts")).toBe(1);
    expect(await countRows("jobs")).toBe(1);
    target.answer(200);
    const { id } = await run("replay_executions", { all: true });
    await drain(setup.scheduler, clock);
    expect(target.arrivals.at(-1)).toMatchObject({ method: "POST", body: "old" });

    // The replay is forgotten first, and the dead letter is not sent a third time.
    clock.set("2026-05-29T12:00:00Z");
    await retainAll({ retentionDays: 30, deadLetterDays: 90 });
    expect(await history()).toEqual([failed]);
    expect(await run("replay_executions", { all: true })).toMatchObject({ replayed: 0 });
    await expect(run("get_replay", { replay_id: id! })).rejects.toMatchObject({ code: "not_found" });

    clock.set("2026-05-31T12:00:00Z");
    await retainAll({ retentionDays: 30, deadLetterDays: 90 });
    expect(await history()).toEqual([]);
    await retainAll({ retentionDays: 30, deadLetterDays: 90 });
    for (const table of ["attempts", "jobs", "revisions", "replays"] as const)
      expect(await countRows(table), table).toBe(0);
  });

  test("keeps dead letters shorter than the rest, where that is wanted", async () => {
    const job = await create();
    const fine = await fire(job, 200);
    await fire(job, 503);
    clock.set("2026-03-03T12:00:00Z");
    await retainAll({ retentionDays: 30, deadLetterDays: 1 });
    expect(await history()).toEqual([fine]);
    expect(await countRows("attempts")).toBe(1);
  });

  test("walks past what it keeps once, and comes back for what was not over", async () => {
    const job = await create();
    const { id: execution_id } = await run("run_job", { job_id: job.id, delay_seconds: 86_400 });
    clock.set("2026-03-01T18:00:00Z");
    const walk = startRetaining();
    const days = { retentionDays: 0.1, deadLetterDays: 90 };
    await retainAll(days, walk);
    const reached = { ...walk };
    await run("cancel_execution", { execution_id });
    await retainAll(days, walk);
    expect(walk).toEqual(reached);
    expect(await history()).toEqual([execution_id]);
    clock.advance(60 * 60 * 1000);
    await retainAll(days, walk);
    expect(await history()).toEqual([]);
  });
});
