import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { answered } from "../testing/answered.ts";
import { testBench } from "../testing/bench.ts";
import { toLedger } from "../testing/ledger.ts";
import { drain, noRoom, roomFor, testClock } from "../testing/index.ts";
import type { Answer } from "../sending/answer.ts";
import { begin } from "./begin.ts";
import { sessionOf } from "./engine.ts";
import { endUnstarted, plan } from "./plan.ts";
import { reconcile, startReconciling } from "./reconcile.ts";
import { settle, toSettled } from "./settle.ts";
import type { StartedExecution } from "../executions/life.sql.ts";
import { findCanceled } from "./waiting.sql.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock, job: { cron: "* * * * *" } });

/** What became of each slot, oldest first: "12:01 succeeded". */
async function ledger(): Promise<string[]> {
  const { data } = await run("list_executions", { limit: 100 });
  return toLedger(data);
}

const minute = (count: number): string => `2026-03-01T12:${String(count).padStart(2, "0")}:00Z`;
const run1 = { workerId: randomUUID() };

/** Starts what is due at an instant, without any answer yet. */
async function start(at: string): Promise<StartedExecution[]> {
  clock.set(at);
  const { engine } = setup.scheduler;
  const { started, unwanted } = await plan(engine, { ...run1, admission: roomFor(10) });
  await endUnstarted(engine, unwanted);
  return started;
}

async function finish(execution: StartedExecution, answer: Partial<Answer> = {}): Promise<void> {
  const settled = toSettled(execution, { ...answered, ...answer }, clock.now());
  await settle(setup.scheduler.engine, run1.workerId, [settled]);
}

describe("overlap", () => {
  test("skip: a slot that comes while the one before is not over leaves a row and sends nothing", async () => {
    await create({ overlap: "skip" });
    const [first] = await start(minute(1));
    expect(await start(minute(2))).toEqual([]);
    await finish(first!);
    expect(await start(minute(3))).toHaveLength(1);
    expect(await ledger()).toEqual(["12:01 succeeded", "12:02 skipped overlap", "12:03 running"]);
  });

  test("skip: a retry that is to come keeps the next slot from starting too", async () => {
    target.answer(500);
    await create({ overlap: "skip", retry: { strategy: "fixed", base_seconds: 90, jitter: false } });
    await drain(setup.scheduler, clock, minute(1));
    await drain(setup.scheduler, clock, minute(2));
    target.answer(200);
    await drain(setup.scheduler, clock, "2026-03-01T12:02:30Z");
    await drain(setup.scheduler, clock, minute(3));
    expect(await ledger()).toEqual(["12:01 succeeded", "12:02 skipped overlap", "12:03 succeeded"]);
  });

  test("skip: a manual run counts, and is itself never skipped", async () => {
    const { id: job_id } = await create({ overlap: "skip" });
    await run("run_job", { job_id });
    await run("run_job", { job_id });
    expect(await start(noon)).toHaveLength(2);
    expect(await start(minute(1))).toEqual([]);
    expect(await ledger()).toEqual(["12:00 running", "12:00 running", "12:01 skipped overlap"]);
  });

  test("queue: slots wait in line and start one after the other, oldest first", async () => {
    await create({ overlap: "queue" });
    const [first] = await start(minute(1));
    expect(await start(minute(2))).toEqual([]);
    expect(await start(minute(3))).toEqual([]);
    expect(await ledger()).toEqual(["12:01 running", "12:02 pending overlap", "12:03 pending overlap"]);
    await finish(first!);
    const second = await start(minute(3));
    expect(second).toMatchObject([{ scheduled_for: new Date(minute(2)) }]);
    expect(await start(minute(3))).toEqual([]);
    await finish(second[0]!, { statusCode: 404 });
    expect(await start(minute(3))).toMatchObject([{ scheduled_for: new Date(minute(3)) }]);
    expect(await ledger()).toEqual(["12:01 succeeded", "12:02 failed", "12:03 running"]);
  });

  test("queue: a slot waits for a manual run too that came later than its time", async () => {
    const { id: job_id } = await create({ overlap: "queue" });
    clock.set("2026-03-01T12:01:03Z");
    await run("run_job", { job_id });
    expect(await start("2026-03-01T12:01:04Z")).toMatchObject([{ trigger: "manual" }]);
    expect(await start("2026-03-01T12:01:05Z")).toEqual([]);
  });

  test("queue: what waits past its time to live ends there", async () => {
    await create({ overlap: "queue", ttl_seconds: 90 });
    await start(minute(1));
    await start(minute(2));
    await start("2026-03-01T12:03:31Z");
    expect(await ledger()).toEqual(["12:01 running", "12:02 expired ttl", "12:03 pending overlap"]);
  });

  test("cancel_previous: what waits ends at once, what runs is asked to, and the new slot starts", async () => {
    await create({ overlap: "cancel_previous" });
    const [first] = await start(minute(1));
    const [second] = await start(minute(2));
    expect(second).toMatchObject({ scheduled_for: new Date(minute(2)) });
    const ids = [first!.id, second!.id];
    expect(await findCanceled(sessionOf(setup.scheduler.engine), ids)).toEqual([first!.id]);
    await finish(first!, { status: "canceled", errorCode: "canceled", statusCode: null });
    await finish(second!, { statusCode: 503 });
    expect(await ledger()).toEqual(["12:01 canceled overlap", "12:02 retrying"]);
    expect(await start(minute(3))).toHaveLength(1);
    expect(await ledger()).toEqual(["12:01 canceled overlap", "12:02 canceled overlap", "12:03 running"]);
    const { rows } = await sql`select 1 from scheduler.open_executions`.execute(
      setup.scheduler.engine.database.db,
    );
    expect(rows).toHaveLength(1);
  });

  test("set while an execution is not over holds for that one too", async () => {
    const { id: job_id } = await create();
    await start(minute(1));
    await run("update_job", { job_id, overlap: "skip" });
    expect(await start(minute(2))).toEqual([]);
    expect(await ledger()).toEqual(["12:01 running", "12:02 skipped overlap"]);
  });

  test("allow: slots do not look at each other", async () => {
    await create();
    await start(minute(1));
    expect(await start(minute(2))).toHaveLength(1);
  });
});

describe("the time to live", () => {
  test("ends what got its execution in time and finds room too late", async () => {
    await create({ ttl_seconds: 30 });
    clock.set("2026-03-01T12:01:10Z");
    expect(await plan(setup.scheduler.engine, noRoom)).toMatchObject({ started: [], moved: true });
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:01:31Z")).toEqual([]);
    expect(await ledger()).toEqual(["12:01 expired ttl"]);
    expect(target.arrivals).toEqual([]);
  });

  test("ends what was claimed in time and found no slot until too late", async () => {
    await create({ ttl_seconds: 30 });
    const [execution] = await start(minute(1));
    clock.set("2026-03-01T12:01:30Z");
    const begun = begin(setup.scheduler.engine, execution!);
    await finish(execution!, await begun.answer);
    expect(await ledger()).toEqual(["12:01 expired ttl"]);
    expect(target.arrivals).toEqual([]);
  });

  test("ends a retry that would come too late, at once", async () => {
    target.answer(500);
    await create({ ttl_seconds: 30, retry: { strategy: "fixed", base_seconds: 20, jitter: false } });
    await drain(setup.scheduler, clock, minute(1));
    expect(await ledger()).toEqual(["12:01 retrying"]);
    await drain(setup.scheduler, clock, "2026-03-01T12:01:20Z");
    expect(await ledger()).toEqual(["12:01 expired ttl"]);
    expect(target.arrivals).toHaveLength(2);
  });

  test("ends a retry that nobody could send in time", async () => {
    target.answer(500);
    const job = await create({
      ttl_seconds: 30,
      retry: { strategy: "fixed", base_seconds: 20, jitter: false },
    });
    await drain(setup.scheduler, clock, minute(1));
    await run("pause_job", { job_id: job.id });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:31Z");
    expect(await ledger()).toEqual(["12:01 expired ttl"]);
    expect(target.arrivals).toHaveLength(1);
  });

  test("completes a job whose only slot has expired", async () => {
    const { id: job_id } = await create({ cron: undefined, when: "1m", ttl_seconds: 5 });
    await drain(setup.scheduler, clock, minute(2));
    expect(await run("get_job", { job_id })).toMatchObject({ state: "completed", next_run_at: null });
    expect(await run("explain_job", { job_id })).toMatchObject({
      verdict: "not_fired",
      explanation: expect.stringContaining("its time to live ran out") as string,
      advice: expect.stringContaining("ttl_seconds") as string,
    });
  });
});

describe("catch-up", () => {
  test("all: every slot of an outage fires once, the oldest first", async () => {
    await create({ catch_up: "all" });
    await drain(setup.scheduler, clock, minute(5));
    expect(await ledger()).toEqual([1, 2, 3, 4, 5].map((slot) => `12:0${slot} succeeded`));
    const slots = target.arrivals.map(({ headers }) => headers["x-cron-service-scheduled-for"]);
    expect(new Set(slots).size).toBe(5);
  });

  test("all: however many workers look at once", async () => {
    await create({ catch_up: "all" });
    await Promise.all([1, 2, 3].map(() => drain(setup.scheduler, clock, minute(9))));
    expect(target.arrivals).toHaveLength(9);
  });

  test("skip: nothing is made up for", async () => {
    const { id: job_id } = await create({ cron: "*/10 * * * *", catch_up: "skip" });
    await drain(setup.scheduler, clock, minute(35));
    expect(await ledger()).toEqual(["12:10 skipped missed"]);
    expect(await run("get_job", { job_id })).toMatchObject({ next_run_at: "2026-03-01T12:40:00.000Z" });
  });
});

describe("jitter", () => {
  test("is steady for a job, differs between jobs, shows in next_run_at, and is what fires", async () => {
    const jobs = await Promise.all(
      [1, 2, 3].map(() => create({ cron: "*/10 * * * *", jitter_seconds: 300 })),
    );
    const delays = jobs.map(({ next_runs }) => next_runs.map((at) => Date.parse(at) % 600_000));
    for (const [first, ...others] of delays) {
      expect(first).toBeGreaterThanOrEqual(0);
      expect(first).toBeLessThanOrEqual(300_000);
      expect(new Set(others)).toEqual(new Set([first]));
    }
    expect(new Set(delays.map(([first]) => first)).size).toBe(3);
    const [job] = jobs;
    expect(await drain(setup.scheduler, clock, Date.parse(job!.next_runs[0]!) - 1)).not.toContainEqual(
      expect.objectContaining({ job_id: job!.id }),
    );
    expect(await drain(setup.scheduler, clock, job!.next_runs[0]!)).toContainEqual(
      expect.objectContaining({ job_id: job!.id, scheduled_for: job!.next_runs[0] }),
    );
    expect(await run("get_job", { job_id: job!.id })).toMatchObject({ next_run_at: job!.next_runs[1] });
  });

  test("of an interval is added once, not again to each slot", async () => {
    const job = await create({ cron: undefined, every_n_minutes: 10, jitter_seconds: 300 });
    const [first, second] = job.next_runs.map((at) => Date.parse(at));
    expect(second! - first!).toBe(600_000);
    await drain(setup.scheduler, clock, first);
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ next_run_at: job.next_runs[1] });
  });

  test("changed after a slot has fired does not fire that slot again", async () => {
    const { id: job_id } = await create();
    await drain(setup.scheduler, clock, minute(1));
    const { next_run_at } = await run("update_job", { job_id, jitter_seconds: 50 });
    expect(Date.parse(next_run_at!)).toBeGreaterThanOrEqual(Date.parse(minute(2)));
    await drain(setup.scheduler, clock, "2026-03-01T12:02:50Z");
    await run("update_job", { job_id, jitter_seconds: null });
    await drain(setup.scheduler, clock, minute(3));
    expect(target.arrivals).toHaveLength(3);
  });

  test("taken away while its delay runs fires the slot at once instead of losing it", async () => {
    const { id: job_id, next_run_at } = await create({ jitter_seconds: 50 });
    const slot = Math.floor(Date.parse(next_run_at!) / 60_000) * 60_000;
    clock.set((slot + Date.parse(next_run_at!)) / 2);
    await run("update_job", { job_id, jitter_seconds: null });
    expect(await drain(setup.scheduler, clock)).toHaveLength(1);
  });

  test("is kept by a job that lost its next run and gets it back", async () => {
    const job = await create({ jitter_seconds: 50 });
    await sql`update scheduler.jobs set next_run_at = null`.execute(setup.scheduler.engine.database.db);
    await reconcile(setup.scheduler.engine, startReconciling({ workerId: randomUUID() }));
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ next_run_at: job.next_run_at });
  });

  test("set, changed and taken away by an update moves the next run", async () => {
    const { id: job_id } = await create({ cron: "*/10 * * * *" });
    const jittered = await run("update_job", { job_id, jitter_seconds: 300 });
    expect(jittered.next_run_at).not.toBe("2026-03-01T12:10:00.000Z");
    expect(await run("update_job", { job_id, jitter_seconds: null })).toMatchObject({
      jitter_seconds: null,
      next_run_at: "2026-03-01T12:10:00.000Z",
    });
  });
});

test("policies are kept, changed one by one, and null brings back the default", async () => {
  const policies = {
    ttl_seconds: 60,
    overlap: "skip",
    catch_up: "all",
    catch_up_window_seconds: 3600,
    catch_up_max_runs: 5,
  } as const;
  const defaults = {
    ttl_seconds: null,
    overlap: "allow",
    catch_up: "latest",
    catch_up_window_seconds: 86_400,
    catch_up_max_runs: 100,
  };
  expect(await create()).toMatchObject(defaults);
  const job = await create(policies);
  expect(job).toMatchObject(policies);
  const { id: job_id } = job;
  expect(await run("update_job", { job_id, overlap: "queue" })).toMatchObject({
    ...policies,
    overlap: "queue",
  });
  const cleared = Object.fromEntries(Object.keys(policies).map((name) => [name, null]));
  expect(await run("update_job", { job_id, ...cleared })).toMatchObject(defaults);
});
