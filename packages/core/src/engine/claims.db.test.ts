import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import pino from "pino";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ExecutionStatus, Output } from "@org/scheduler-contract";
import { fromPublicId, toPublicId } from "../ids.ts";
import { otherProcess, testBench } from "../testing/bench.ts";
import { playWorker } from "../testing/play-worker.ts";
import { drain, noRoom, roomFor, testClock } from "../testing/index.ts";
import { begin } from "./begin.ts";
import { createDueSource } from "./due-source.ts";
import { type Engine, inTransaction } from "./engine.ts";
import { plan } from "./plan.ts";
import { reconcile, startReconciling } from "./reconcile.ts";
import { claimWaiting, type Order } from "./waiting.sql.ts";

const noon = "2026-03-01T12:00:00Z";
/** A minute later, and then so long that a slot gets its execution whether there is room or not. */
const tooLate = "2026-03-01T12:01:10Z";
const clock = testClock(noon);
const warnings: { msg: string }[] = [];
const log = pino({ level: "warn" }, { write: (line) => void warnings.push(JSON.parse(line)) });

const { setup, target, run: execute, createJobs } = testBench({ clock });
const other = otherProcess(setup, clock);
let engine: Engine;

beforeAll(() => {
  engine = { ...setup.scheduler.engine, log };
});
beforeEach(() => {
  warnings.length = 0;
});

async function executions(): Promise<Output<"get_execution">[]> {
  const { data } = await execute("list_executions", { limit: 100 });
  return Promise.all(data.map(({ id }) => execute("get_execution", { execution_id: id })));
}

async function statuses(): Promise<ExecutionStatus[]> {
  return (await executions()).map(({ status }) => status);
}

async function count(table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from ${sql.raw(table)}`.execute(engine.database.db);
  return rows[0]!.count;
}

describe("two planners at once", () => {
  test("fire each slot once", async () => {
    await createJobs(20, { cron: "* * * * *" });
    for (const minute of [1, 2, 3]) {
      const at = `2026-03-01T12:0${minute}:00Z`;
      const both = await Promise.all([
        drain(setup.scheduler, clock, at),
        drain(other, clock, at),
        drain(setup.scheduler, clock, at),
        drain(other, clock, at),
      ]);
      expect(both.flat()).toHaveLength(20);
      expect(target.arrivals).toHaveLength(20 * minute);
    }
    expect(await count("scheduler.executions")).toBe(60);
    expect(new Set(target.arrivals.map(({ headers }) => headers["idempotency-key"])).size).toBe(60);
  });

  test("start each slot once that found no room for long", async () => {
    await createLate(20);
    const workers = Array.from({ length: 8 }, (_, index) => playWorker(index % 2 ? other.engine : engine));
    const started = (await Promise.all(workers.map((worker) => worker.start(5)))).flat();
    const rest = await playWorker(engine).start();
    expect(new Set([...started, ...rest].map(({ id }) => id)).size).toBe(20);
    expect(started.length + rest.length).toBe(20);
  });

  test("retries are claimed once too", async () => {
    target.answer(500);
    await createJobs(20, { retry: { strategy: "fixed", base_seconds: 10, jitter: false } });
    await drain(setup.scheduler, clock);
    target.arrivals.length = 0;
    target.answer(200);
    const at = "2026-03-01T12:00:10Z";
    const both = await Promise.all([drain(setup.scheduler, clock, at), drain(other, clock, at)]);
    expect(both.flat()).toHaveLength(20);
    expect(target.arrivals).toHaveLength(20);
  });

  test("a slot that was planned already is not fired again by a job that was set back", async () => {
    await createJobs(1, { cron: "* * * * *" });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z");
    await sql`update scheduler.jobs set next_run_at = '2026-03-01T12:01:00Z'`.execute(engine.database.db);
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:01:30Z")).toEqual([]);
    expect(target.arrivals).toHaveLength(1);
  });
});

/** Jobs whose slot found no room for so long that it got its execution all the same, which waits. */
async function createLate(howMany: number, url = target.url): Promise<void> {
  await createJobs(howMany, { url, cron: "1 12 * * *" });
  clock.set(tooLate);
  const { started, moved } = await plan(engine, noRoom);
  expect({ started, moved }).toEqual({ started: [], moved: true });
}

describe("a slot that found no room for long", () => {
  const claim = (limit: number, { order = "oldest", full = [] }: { order?: Order; full?: string[] } = {}) =>
    inTransaction(engine, async (session) =>
      (await claimWaiting(session, { limit, leadMs: 0, full, order })).map(({ id }) => id),
    );

  test("has an execution before its next slot comes, and fires it when there is room", async () => {
    await createLate(1);
    expect(await executions()).toMatchObject([
      { status: "pending", scheduled_for: "2026-03-01T12:01:00.000Z", trigger: "schedule" },
    ]);
    expect(await drain(setup.scheduler, clock)).toMatchObject([{ next: "succeeded" }]);
  });

  test("and that is canceled meanwhile is not sent", async () => {
    await createLate(2);
    const [first] = await executions();
    expect(await execute("cancel_execution", { execution_id: first!.id })).toMatchObject({
      status: "canceled",
    });
    expect(await drain(setup.scheduler, clock)).toHaveLength(1);
    expect((await statuses()).toSorted()).toEqual(["canceled", "succeeded"]);
  });

  test("is not lost with the transaction that claims it", async () => {
    await createLate(1);
    const broken = inTransaction(engine, async (session) => {
      const claimed = await claimWaiting(session, { limit: 10, leadMs: 0, full: [], order: "oldest" });
      expect(claimed).toHaveLength(1);
      throw new Error("worker killed");
    });
    await expect(broken).rejects.toThrow("worker killed");
    expect(await playWorker(engine).start()).toHaveLength(1);
  });

  test("is claimed the oldest or the freshest first, and no more than asked", async () => {
    await createLate(3);
    await sql`update scheduler.executions e set due_at = e.due_at - n * interval '1 second'
      from (select id, row_number() over (order by id) as n from scheduler.executions) x where x.id = e.id`.execute(
      engine.database.db,
    );
    const oldest = await claim(2);
    const freshest = await claim(2, { order: "freshest" });
    expect(await claim(3)).toEqual([...oldest, freshest[0]]);
    expect(oldest[1]).toBe(freshest[1]);
  });

  test("goes to a full host: it stays where it is, and does not hide those of others", async () => {
    await createLate(2, "http://127.0.0.1:7001/busy");
    clock.set(noon);
    await createLate(1, "http://127.0.0.1:7002/free");
    const { rows } = await sql<{ scope_id: number }>`select scope_id from scheduler.jobs`.execute(
      engine.database.db,
    );
    const busy = `${rows[0]!.scope_id} 127.0.0.1:7001`;
    const all = await claim(10);
    const free = await claim(10, { full: [busy] });
    expect([all.length, free.length]).toEqual([3, 1]);
  });

  test("of a host that is full before all of them have found a slot waits on", async () => {
    await createLate(3);
    const admission = { ...roomFor(1), room: 3 };
    expect(await plan(engine, { workerId: randomUUID(), admission })).toMatchObject({
      started: [{ attempt_count: 1 }],
      more: true,
    });
    expect(await playWorker(engine).start()).toHaveLength(2);
  });

  test("is not starved by fresh slots: every other pass takes the oldest first", async () => {
    await createLate(1);
    const [waiting] = await executions();
    await createJobs(10);
    const held: string[] = [];
    const source = createDueSource(engine, {
      workerId: randomUUID(),
      hold: ({ id }) => void held.push(toPublicId("exec", id)),
      hasBacklog: () => true,
      seeLines: () => {},
    });
    await source.take(roomFor(1));
    expect(held).not.toContain(waiting!.id);
    await source.take(roomFor(1));
    expect(held[1]).toBe(waiting!.id);
    await source.take(roomFor(1));
    expect(held).toHaveLength(3);
  });
});

describe("a worker that stops", () => {
  test("hands its execution back: the attempt is interrupted and another goes on at once", async () => {
    target.answer(() => {});
    await createJobs(1, { retry: { max_attempts: 1 } });
    const worker = playWorker(engine);
    const [execution] = await worker.start();
    const sending = begin(engine, execution!);
    await target.arrived(1);
    sending.abort("interrupted");
    await worker.settle(execution!, await sending.answer);
    expect(await executions()).toMatchObject([
      {
        status: "retrying",
        next_attempt_at: "2026-03-01T12:00:00.000Z",
        attempts: [{ status: "interrupted" }],
      },
    ]);
    target.answer(200);
    expect(await drain(setup.scheduler, clock)).toMatchObject([{ attempt: 2, next: "succeeded" }]);
    expect(target.arrivals.map(({ headers }) => headers["idempotency-key"])).toEqual([
      target.arrivals[0]!.headers["idempotency-key"],
      target.arrivals[0]!.headers["idempotency-key"],
    ]);
  });
});

describe("jobs that lost their next run", () => {
  async function unarm(): Promise<void> {
    await sql`update scheduler.jobs set next_run_at = null`.execute(engine.database.db);
  }

  test("get it back", async () => {
    const cron = await execute("create_job", { name: "cron", url: target.url, cron: "0 * * * *" });
    const later = await execute("create_job", { name: "later", url: target.url, when: "2h" });
    await unarm();
    await reconcile(engine, startReconciling({ workerId: randomUUID() }));
    expect(await execute("get_job", { job_id: cron.id })).toMatchObject({
      next_run_at: "2026-03-01T13:00:00.000Z",
    });
    expect(await execute("get_job", { job_id: later.id })).toMatchObject({
      next_run_at: "2026-03-01T14:00:00.000Z",
    });
    expect(warnings).toHaveLength(2);
  });

  test("are completed where there is none", async () => {
    const job = await execute("create_job", {
      name: "over",
      url: target.url,
      cron: "0 * * * *",
      max_runs: 1,
    });
    await sql`update scheduler.jobs set next_run_at = null, run_count = 1`.execute(engine.database.db);
    await reconcile(engine, startReconciling({ workerId: randomUUID() }));
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({ state: "completed" });
  });

  test("are left alone while an execution is under way, or when they are not active", async () => {
    const running = await execute("create_job", { name: "running", url: target.url });
    await playWorker(engine).start();
    const paused = await execute("create_job", { name: "paused", url: target.url, cron: "0 * * * *" });
    await execute("pause_job", { job_id: paused.id });
    await reconcile(engine, startReconciling({ workerId: randomUUID() }));
    expect(warnings).toEqual([]);
    expect(await execute("get_job", { job_id: running.id })).toMatchObject({
      state: "active",
      next_run_at: null,
    });
    expect(await execute("get_job", { job_id: paused.id })).toMatchObject({
      state: "paused",
      next_run_at: null,
    });
  });

  test("after a canceled single slot are completed", async () => {
    const job = await execute("create_job", {
      name: "canceled",
      url: `${target.url}/`,
      retry: { base_seconds: 60 },
    });
    target.answer(500);
    await drain(setup.scheduler, clock);
    const [execution] = await executions();
    await execute("cancel_execution", { execution_id: execution!.id });
    await reconcile(engine, startReconciling({ workerId: randomUUID() }));
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({ state: "completed" });
  });
});

test("a job whose schedule cannot be read any more is paused, and does not keep others from firing", async () => {
  await createJobs(2, { cron: "* * * * *" });
  const [bad] = (await execute("list_jobs", {})).data;
  await sql`update scheduler.jobs set timezone = 'Atlantis/Capital' where id = ${fromPublicId("job", bad!.id)}`.execute(
    engine.database.db,
  );
  expect(await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z")).toHaveLength(1);
  const { rows } = await sql<{ state: string }>`select state from scheduler.jobs order by state`.execute(
    engine.database.db,
  );
  expect(rows.map(({ state }) => state)).toEqual(["active", "paused"]);
  expect(await execute("explain_job", { job_id: bad!.id, at: "2026-03-01T12:01:00Z" })).toMatchObject({
    verdict: "not_fired",
    explanation: expect.stringContaining("cannot be read any more") as string,
    advice: expect.stringContaining("update_job") as string,
  });
});
