import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import pino from "pino";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ExecutionStatus, Output } from "@org/scheduler-contract";
import { fromPublicId } from "../ids.ts";
import { otherProcess, testBench } from "../testing/bench.ts";
import { playWorker } from "../testing/play-worker.ts";
import { drain, noRoom, roomFor, testClock } from "../testing/index.ts";
import { take } from "./dispatch.ts";
import type { Engine } from "./engine.ts";
import { toOutgoing } from "./outgoing.ts";
import { plan } from "./plan.ts";
import { reconcile, startReconciling } from "./reconcile.ts";
import type { Ticket } from "../queue/queue.ts";

const noon = "2026-03-01T12:00:00Z";
/** A minute later, and then so long that what found no room gets a ticket. */
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
    expect(await count("scheduler_tickets.job")).toBe(0);
    expect(new Set(target.arrivals.map(({ headers }) => headers["idempotency-key"])).size).toBe(60);
  });

  test("and takers of tickets get each ticket once", async () => {
    await createJobs(20, { cron: "* * * * *" });
    clock.set(tooLate);
    expect(await plan(engine, noRoom)).toMatchObject({ started: [], tickets: 20 });
    expect(await count("scheduler_tickets.job")).toBe(20);
    const workers = Array.from({ length: 8 }, (_, index) => playWorker(index % 2 ? other.engine : engine));
    const taken = await Promise.all(workers.map((worker) => worker.take(5)));
    const ids = taken.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await playWorker(engine).take();
    expect(ids.length + rest.length).toBe(20);
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

describe("tickets", () => {
  const put = (ticket: Ticket) =>
    engine.database.db.transaction().execute((tx) => engine.queue.put(tx, [ticket]));

  test("of canceled executions are dropped when they come up", async () => {
    await createJobs(2, { cron: "* * * * *" });
    clock.set(tooLate);
    await plan(engine, noRoom);
    const [first] = await executions();
    expect(await execute("cancel_execution", { execution_id: first!.id })).toMatchObject({
      status: "canceled",
    });
    expect(await drain(setup.scheduler, clock)).toHaveLength(1);
    expect((await statuses()).toSorted()).toEqual(["canceled", "succeeded"]);
    expect(await count("scheduler_tickets.job")).toBe(0);
  });

  test("are not lost when the transaction that takes them is", async () => {
    await createJobs(1, { cron: "* * * * *" });
    clock.set(tooLate);
    await plan(engine, noRoom);
    const broken = engine.database.db.transaction().execute(async (tx) => {
      expect(await engine.queue.take(tx, { count: 10, full: [] })).toHaveLength(1);
      throw new Error("worker killed");
    });
    await expect(broken).rejects.toThrow("worker killed");
    expect(await playWorker(engine).take()).toHaveLength(1);
  });

  test("put twice are one", async () => {
    const ticket = { id: randomUUID(), share: "1 a" };
    for (let time = 0; time < 2; time++) {
      await put(ticket);
    }
    expect(await count("scheduler_tickets.job")).toBe(1);
  });

  test("are taken oldest first, and no more than asked", async () => {
    const tickets = [1, 2, 3].map(() => ({ id: randomUUID(), share: "1 a" }));
    for (const ticket of tickets) await put(ticket);
    const takeTwo = () =>
      engine.database.db.transaction().execute((tx) => engine.queue.take(tx, { count: 2, full: [] }));
    expect(new Set(await takeTwo())).toEqual(new Set(tickets.slice(0, 2)));
    expect(await takeTwo()).toEqual(tickets.slice(2));
    expect(await takeTwo()).toEqual([]);
  });

  test("of a full host stay where they are, and do not hide those of others", async () => {
    const tickets = ["1 busy", "1 busy", "1 free"].map((share) => ({ id: randomUUID(), share }));
    for (const ticket of tickets) await put(ticket);
    const takeOne = (full: string[]) =>
      engine.database.db.transaction().execute((tx) => engine.queue.take(tx, { count: 1, full }));
    expect(await takeOne(["1 busy"])).toEqual(tickets.slice(2));
    expect(await takeOne(["1 busy"])).toEqual([]);
    expect(await takeOne([])).toHaveLength(1);
  });

  test("go back when their host is full before all of them have found a slot", async () => {
    await createJobs(3, { cron: "* * * * *" });
    clock.set(tooLate);
    await plan(engine, noRoom);
    const one = playWorker(engine);
    expect(
      await take(engine, { workerId: one.workerId, admission: { ...roomFor(1), room: 3 } }),
    ).toMatchObject({
      started: [{ attempt_count: 1 }],
      more: true,
    });
    expect(await count("scheduler_tickets.job")).toBe(2);
    expect(await playWorker(engine).take()).toHaveLength(2);
  });

  test("without an execution hurt nobody", async () => {
    await put({ id: randomUUID(), share: "1 a" });
    expect(await drain(setup.scheduler, clock)).toEqual([]);
    expect(await count("scheduler_tickets.job")).toBe(0);
  });
});

describe("a worker that stops", () => {
  test("hands its execution back: the attempt is interrupted and another goes on at once", async () => {
    target.answer(() => {});
    await createJobs(1, { retry: { max_attempts: 1 } });
    const worker = playWorker(engine);
    const [execution] = await worker.start();
    const sending = engine.sender.send(toOutgoing(execution!, new Date(execution!.clock), []));
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
