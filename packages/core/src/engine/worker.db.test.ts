import { sql } from "kysely";
import { describe, expect, inject, test } from "vitest";
import type { ExecutionStatus, Output } from "@org/scheduler-contract";
import { createScheduler } from "../scheduler.ts";
import { otherProcess, startingWorkers, testBench } from "../testing/bench.ts";
import { startTarget } from "../testing/index.ts";

const onServer = inject("postgresUrl") !== null;

const { setup, target, run: execute, createJobs } = testBench();
const other = otherProcess(setup);

const startWorker = startingWorkers(setup);

async function onlyExecution(): Promise<Output<"get_execution">> {
  const { data } = await execute("list_executions", {});
  expect(data).toHaveLength(1);
  return execute("get_execution", { execution_id: data[0]!.id });
}

/** Waits until so many executions are in a state, looking again and again. */
async function until(status: ExecutionStatus, count: number): Promise<void> {
  await expect
    .poll(() => counts(), { timeout: 10_000, interval: 20 })
    .toEqual(expect.objectContaining({ [status]: count }));
}

async function counts(): Promise<Record<string, number>> {
  const { rows } = await sql<{ status: string; count: number }>`
    select status, count(*)::integer as count from scheduler.executions group by status`.execute(
    setup.scheduler.engine.database.db,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

async function rowsIn(table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from ${sql.raw(`scheduler.${table}`)}`.execute(
    setup.scheduler.engine.database.db,
  );
  return rows[0]!.count;
}

test("a job that is created while the worker sleeps fires at once", async () => {
  await startWorker();
  await createJobs(1);
  await target.arrived(1);
  // The second comes when every loop sleeps for sure; a poll alone would take up to a second.
  await until("succeeded", 1);
  const begun = performance.now();
  await createJobs(1);
  await target.arrived(2);
  expect(performance.now() - begun).toBeLessThan(900);
  await until("succeeded", 2);
});

test("fifty jobs due at once fire once each, whichever of two workers takes them", async () => {
  await createJobs(50);
  await Promise.all([
    startWorker(setup.scheduler, { concurrency: 10 }),
    startWorker(other, { concurrency: 10 }),
  ]);
  await until("succeeded", 50);
  expect(new Set(target.arrivals.map(({ path }) => path)).size).toBe(50);
  expect(target.arrivals).toHaveLength(50);
  expect(await rowsIn("attempts")).toBe(50);
  expect(await rowsIn("open_executions")).toBe(0);
});

test("targets that hang do not hold back others", async () => {
  target.answer(() => {});
  const worker = await startWorker(setup.scheduler, { concurrency: 4 });
  await createJobs(2);
  await target.arrived(2);
  target.answer(200);
  await createJobs(18);
  await until("succeeded", 18);
  expect(worker.slots()).toEqual({ busy: 2, free: 2 });
  const { data } = await execute("list_executions", { limit: 100 });
  const running = data.filter(({ status }) => status === "running");
  for (const { id } of running) await execute("cancel_execution", { execution_id: id });
  await until("canceled", 2);
});

test("a running execution that is canceled ends within a second, and its request with it", async () => {
  const gone = Promise.withResolvers<void>();
  target.answer((_, response) => void response.on("close", gone.resolve));
  await createJobs(1);
  await Promise.all([startWorker(), startWorker(other)]);
  await target.arrived(1);
  const { id } = await onlyExecution();
  const begun = performance.now();
  await other.execute("cancel_execution", { execution_id: id }, setup.caller);
  await gone.promise;
  expect(await execute("wait_for_execution", { execution_id: id, wait_seconds: 5 })).toMatchObject({
    status: "canceled",
    next_attempt_at: null,
    attempts: [{ status: "canceled", error_code: "canceled" }],
  });
  expect(performance.now() - begun).toBeLessThan(1000);
  await execute("cancel_execution", { execution_id: id });
  expect(target.arrivals).toHaveLength(1);
});

describe("a worker that stops", () => {
  test("lets a request finish, leaves nothing behind, and takes nothing after that", async () => {
    const finish = Promise.withResolvers<() => void>();
    target.answer((_, response) => finish.resolve(() => response.end("late")));
    await createJobs(1);
    const worker = await startWorker();
    const end = await finish.promise;
    let stopped = false;
    const stopping = worker.stop().then(() => (stopped = true));
    await execute("list_jobs", {});
    expect(stopped).toBe(false);
    end();
    await stopping;
    expect(await counts()).toEqual({ succeeded: 1 });
    expect(worker.slots().busy).toBe(0);
    expect(await rowsIn("workers")).toBe(0);
    target.answer(200);
    await createJobs(1);
    expect(target.arrivals).toHaveLength(1);
    await startWorker();
    await until("succeeded", 2);
    expect(target.arrivals).toHaveLength(2);
  });

  test("may be stopped twice, and before it was started", async () => {
    const worker = await startWorker();
    await Promise.all([worker.stop(), worker.stop()]);
    await setup.scheduler.createWorker().stop();
  });

  test("while it is busy hands over to another without losing or doubling anything", async () => {
    target.answer((_, response) => void setTimeout(() => response.end("ok"), 5));
    await createJobs(60);
    const first = await startWorker(setup.scheduler, { concurrency: 5 });
    await target.arrived(10);
    const second = startWorker(other, { concurrency: 5 });
    await first.stop();
    await second;
    await until("succeeded", 60);
    expect(target.arrivals).toHaveLength(60);
  });
});

if (onServer)
  test("a storm of killed connections stops no worker, and loses and doubles nothing", async () => {
    await createJobs(80);
    const both = [
      await startWorker(setup.scheduler, { concurrency: 4 }),
      await startWorker(other, { concurrency: 4 }),
    ];
    target.answer((_, response) => void setTimeout(() => response.end("ok"), 10));
    const admin = await createScheduler({ databaseUrl: setup.databaseUrl, poolSize: 1 });
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(
      admin.engine.database.db,
    );
    for (let round = 1; round <= 6; round++) {
      await target.arrived(round * 8);
      await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> ${rows[0]!.pid}`.execute(admin.engine.database.db);
    }
    await admin.close();
    await until("succeeded", 80);
    expect(new Set(target.arrivals.map(({ path }) => path)).size).toBe(80);
    expect(target.arrivals).toHaveLength(80);
    expect(await rowsIn("attempts")).toBe(80);
    for (const worker of both)
      for (const age of Object.values(worker.loopAges())) expect(age).toBeLessThan(10_000);
  });

test("the one slot that a host has left beside requests that hang goes on with its backlog", async () => {
  const hanging: (() => void)[] = [];
  target.answer(({ path }, response) => {
    if (path.startsWith("/hang")) hanging.push(() => response.end());
    else response.end("ok");
  });
  await startWorker(setup.scheduler, { concurrency: 8 });
  for (let number = 0; number < 5; number++) {
    await execute("create_job", { name: "hang", url: `${target.url}/hang/${number}` });
  }
  await target.arrived(5);
  await createJobs(12);
  await until("succeeded", 12);
  expect(hanging).toHaveLength(5);
  for (const release of hanging) release();
});

test("what waits for a free slot gets it as soon as there is one, not at the next look", async () => {
  await createJobs(1, { when: "2h" });
  const [job] = (await execute("list_jobs", {})).data;
  for (let number = 0; number < 40; number++) await execute("run_job", { job_id: job!.id });
  await startWorker(setup.scheduler, { concurrency: 2 });
  await until("succeeded", 40);
});

test("a queue goes on as soon as the execution before is over, not at the next look", async () => {
  await createJobs(1, { cron: "* * * * *", overlap: "queue", catch_up: "all" });
  await sql`update scheduler.jobs set next_run_at = date_trunc('minute', now()) - interval '19 minutes'`.execute(
    setup.scheduler.engine.database.db,
  );
  await startWorker(setup.scheduler, { concurrency: 10 });
  await until("succeeded", 20);
});

test("a host that hangs leaves slots to the others, however much is due for it", async () => {
  const hanging = await startTarget();
  hanging.answer(() => {});
  const jobs = (url: string) =>
    Array.from({ length: 30 }, (_, number) => ({ name: "job", url: `${url}/${number}` }));
  await execute("create_jobs", { jobs: jobs(target.url) });
  // Fresher, and so first in line.
  await execute("create_jobs", { jobs: jobs(hanging.url) });
  await startWorker(setup.scheduler, { concurrency: 10 });
  await until("succeeded", 30);
  expect(hanging.arrivals.length).toBeGreaterThan(1);
  expect(hanging.arrivals.length).toBeLessThan(10);
  await hanging.close();
});

test("what is recorded as the start is when the request really left, not when it was due", async () => {
  await startWorker();
  await execute("create_job", { name: "soon", url: target.url, when: "1s" });
  await until("succeeded", 1);
  const execution = await onlyExecution();
  expect(execution.started_at).toBe(execution.attempts[0]!.started_at);
  expect(Date.parse(execution.started_at!)).toBeGreaterThanOrEqual(Date.parse(execution.scheduled_for));
  expect(target.arrivals[0]!.at).toBeGreaterThanOrEqual(Date.parse(execution.started_at!));
});
