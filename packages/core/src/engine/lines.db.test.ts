import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { describe, expect, inject, test } from "vitest";
import { answered } from "../testing/answered.ts";
import { testBench } from "../testing/bench.ts";
import { toLedger } from "../testing/ledger.ts";
import { takeBackAll } from "../testing/lost-workers.ts";
import { drain, noRoom, roomFor, testClock } from "../testing/index.ts";
import { inTransaction } from "./engine.ts";
import { takeLines } from "./lines.ts";
import { endUnstarted, plan } from "./plan.ts";
import { reconcile, startReconciling } from "./reconcile.ts";
import { settle, toSettled } from "./settle.ts";
import { type Destination, shareOf } from "../sending/destination.ts";
import { lineUp, type StartedExecution, startExecutions } from "../executions/life.sql.ts";
import { claimWaiting } from "./waiting.sql.ts";

const onServer = inject("postgresUrl") !== null;
const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock });

const at = (minutes: number, seconds = 0): Date =>
  new Date(Date.parse(noon) + minutes * 60_000 + seconds * 1000);
const worker = { workerId: randomUUID() };
const all = { leastPriority: -1000 };

/** One look of a worker with so much room: what is due is planned, and whose turn it is starts. */
async function start(when: Date, room = 10): Promise<StartedExecution[]> {
  clock.set(when);
  const { engine } = setup.scheduler;
  const admission = roomFor(room);
  const planned = await plan(engine, { ...worker, admission });
  const lines = await takeLines(engine, { ...worker, admission, ...all });
  await endUnstarted(engine, [...planned.unwanted, ...lines.unwanted]);
  return [...planned.started, ...lines.started];
}

async function finish(executions: StartedExecution[], statusCode = 200): Promise<void> {
  const settled = executions.map((execution) =>
    toSettled(execution, { ...answered, statusCode }, clock.now()),
  );
  await settle(setup.scheduler.engine, worker.workerId, settled);
}

const paths = (executions: StartedExecution[]): string[] =>
  executions.map(({ url }) => new URL(url).pathname);

/** Jobs that are due at these minutes after noon, created in another order than that. */
async function createAt(minutes: number[], fields: object = {}): Promise<void> {
  for (const minute of minutes) {
    await create({ url: `${target.url}/${minute}`, run_at: at(minute).toISOString(), queue: "a", ...fields });
  }
}

async function ledger(job_id?: string): Promise<string[]> {
  const { data } = await run("list_executions", { limit: 100, ...(job_id !== undefined && { job_id }) });
  return toLedger(data);
}

describe("concurrency", () => {
  test("1 sends one at a time, in the order they were due", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    await createAt([3, 1, 2]);
    const sent: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const started = await start(at(5));
      sent.push(...paths(started));
      expect(await start(at(5))).toEqual([]);
      await finish(started);
    }
    expect(sent).toEqual(["/1", "/2", "/3"]);
  });

  test("1 keeps the order of what was created together", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    const jobs = Array.from({ length: 20 }, (_, number) => {
      return { name: "one of many", url: `${target.url}/${number}`, queue: "a" };
    });
    await run("create_jobs", { jobs });
    await drain(setup.scheduler, clock, at(1));
    expect(target.arrivals.map(({ path }) => path)).toEqual(jobs.map(({ url }) => new URL(url).pathname));
  });

  test("1 waits for what was due before and is not planned yet", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    await createAt([1, 2, 3, 4]);
    // The freshest is planned first where there is room for one only.
    expect(paths(await start(at(5), 1))).toEqual([]);
    for (let pass = 0; pass < 3; pass++) await start(at(5), 1);
    const [first] = await run("list_executions", { status: "running" }).then(({ data }) => data);
    expect(first).toMatchObject({ scheduled_for: at(1).toISOString() });
  });

  test("holds on two workers that look at the same moment", async () => {
    await run("update_queue", { name: "a", concurrency: 3 });
    await createAt([1, 2, 3, 4, 5, 6, 7, 8]);
    clock.set(at(9));
    const { engine } = setup.scheduler;
    await plan(engine, noRoom);
    for (let pass = 0; pass < 10; pass++) await plan(engine, { ...worker, admission: roomFor(1) });
    const passes = await Promise.all(
      [1, 2, 3, 4].map(() => takeLines(engine, { workerId: randomUUID(), admission: roomFor(10), ...all })),
    );
    expect(passes.flatMap(({ started }) => started)).toHaveLength(3);
    expect((await run("list_queues", {})).data[0]).toMatchObject({ name: "a", running: 3, waiting: 5 });
  });

  test("a full queue holds back nobody else", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    await createAt([1, 2, 3]);
    await createAt([4], { queue: "b" });
    await createAt([5], { queue: undefined });
    expect(paths(await start(at(6))).toSorted()).toEqual(["/1", "/4", "/5"]);
  });

  test("a hundred queues whose host is full hide none behind them", async () => {
    const full = "a.example";
    for (let number = 0; number < 100; number++) {
      await run("update_queue", { name: `q${number}`, concurrency: 5 });
      await createAt([1], { queue: `q${number}`, url: `http://${full}/` });
    }
    await run("update_queue", { name: "z", concurrency: 5 });
    await createAt([2], { queue: "z" });
    clock.set(at(3));
    await plan(setup.scheduler.engine, { ...worker, admission: roomFor(1000) });
    const share = shareOf({ scope_id: setup.caller.scopeId, host: full });
    const admission = { ...roomFor(10), full: [share], admit: ({ host }: Destination) => host !== full };
    const { started } = await takeLines(setup.scheduler.engine, { ...worker, admission, ...all });
    expect(paths(started)).toEqual(["/2"]);
  });

  test("a retry gives its place to the next, and takes its turn when it is due again", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    await createAt([1, 2], { retry: { strategy: "fixed", base_seconds: 30, jitter: false } });
    await finish(await start(at(3)), 500);
    const second = await start(at(3));
    expect(paths(second)).toEqual(["/2"]);
    expect(await start(at(3, 31))).toEqual([]);
    await finish(second);
    expect(paths(await start(at(3, 31)))).toEqual(["/1"]);
  });

  test("counts what already ran when the limit came", async () => {
    await create({ url: `${target.url}/unlimited` });
    const running = await start(at(1));
    await run("update_queue", { name: "default", concurrency: 1 });
    await create({ url: `${target.url}/next` });
    expect(await start(at(1))).toEqual([]);
    await finish(running);
    expect(paths(await start(at(1)))).toEqual(["/next"]);
  });

  test("keeps the place of an execution whose worker died until it is taken back", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    await createAt([1, 2]);
    const { db } = setup.scheduler.engine.database;
    await sql`insert into scheduler.workers (id, host, pid, slots) values (${worker.workerId}::uuid, 'h', 1, 1)`.execute(
      db,
    );
    expect(paths(await start(at(3)))).toEqual(["/1"]);
    expect(await start(at(3))).toEqual([]);
    await takeBackAll(setup.scheduler.engine);
    expect(await start(at(3))).toHaveLength(1);
    expect(await start(at(3))).toEqual([]);
  });

  test("is lifted as soon as it is taken away", async () => {
    await run("update_queue", { name: "a", concurrency: 1 });
    await createAt([1, 2, 3]);
    expect(await start(at(4))).toHaveLength(1);
    await run("update_queue", { name: "a", concurrency: null });
    expect(await start(at(4))).toHaveLength(2);
  });
});

describe("a rate limit", () => {
  test("lets so many go in any period, retries among them", async () => {
    await run("update_queue", { name: "a", rate_limit: { max: 3, period_seconds: 10 } });
    await createAt([1, 1, 1, 1, 1, 1, 1]);
    const counts: number[] = [];
    for (const seconds of [0, 5, 9.9, 10.1, 15, 20.2, 30.3]) {
      const started = await start(at(2, seconds));
      counts.push(started.length);
      await finish(started);
    }
    expect(counts).toEqual([3, 0, 0, 3, 0, 1, 0]);
  });

  test("is a sliding one: the end of a period and the start of the next are not two shares at once", async () => {
    await run("update_queue", { name: "a", rate_limit: { max: 4, period_seconds: 10 } });
    await createAt([1, 1, 1, 1, 1, 1, 1, 1]);
    const counts: number[] = [];
    for (const [seconds, room] of [
      [0, 1],
      [9, 3],
      [11, 10],
      [18, 10],
      [19.1, 10],
    ] as const) {
      const started = await start(at(2, seconds), room);
      counts.push(started.length);
      await finish(started);
    }
    // Room for one is room to plan one; the rest of that share is there later.
    expect(counts.reduce((sum, count) => sum + count)).toBe(8);
    expect(counts[1]! + counts[2]! + counts[3]!).toBeLessThanOrEqual(4);
  });
});

describe("a paused queue", () => {
  test("starts nothing, and all that waits when it goes on", async () => {
    await create({ queue: "a", url: `${target.url}/now` });
    await run("pause_queue", { name: "a" });
    await createAt([1]);
    expect(await start(at(2))).toEqual([]);
    const { data } = await run("list_jobs", { queue: "a" });
    const { explanation, advice } = await run("explain_job", { job_id: data[0]!.id });
    expect(explanation).toContain("Its queue a is paused");
    expect(advice).toContain('{"name": "a", "paused": false}');
    await run("resume_queue", { name: "a" });
    expect(paths(await start(at(2)))).toEqual(["/now", "/1"]);
  });

  test.each([
    [{ rate_limit: { max: 1, period_seconds: 60 } }, '"rate_limit": {"max":2,"period_seconds":60}'],
    [{ concurrency: 1 }, '"concurrency": 2'],
  ])("and one that is limited by %o says what would let more go", async (limit, remedy) => {
    await run("update_queue", { name: "a", ...limit });
    await createAt([1, 1]);
    await start(at(1));
    const { data } = await run("list_executions", { status: "pending" });
    const { explanation, advice } = await run("explain_job", { job_id: data[0]!.job_id });
    expect(explanation).toContain("It waits for its turn in the queue a, where");
    expect(advice).toBe(`Wait for it, or allow the queue more: update_queue {"name": "a", ${remedy}}.`);
  });

  test.each([
    ["skip", ["12:01 skipped queue_paused", "12:02 skipped queue_paused", "12:03 skipped queue_paused"]],
    ["latest", ["12:01 skipped queue_paused", "12:02 skipped queue_paused", "12:03 succeeded"]],
    ["all", ["12:01 succeeded", "12:02 succeeded", "12:03 succeeded"]],
  ] as const)("makes up for the slots that passed as the job says: %s", async (catch_up, expected) => {
    await run("pause_queue", { name: "a" });
    const job = await create({ queue: "a", cron: "* * * * *", catch_up });
    for (const minutes of [1, 2, 3]) expect(await start(at(minutes))).toEqual([]);
    await run("resume_queue", { name: "a" });
    await drain(setup.scheduler, clock, at(3, 1));
    expect(await ledger(job.id)).toEqual(expected);
    expect(await run("explain_job", { job_id: job.id, at: at(1).toISOString() })).toMatchObject(
      catch_up === "all" ? { verdict: "fired" } : { verdict: "not_fired", explanation: /queue was paused/ },
    );
  });

  test("a slot that another took the place of is no run of the job's maximum", async () => {
    await run("pause_queue", { name: "a" });
    const job = await create({ queue: "a", cron: "* * * * *", max_runs: 2 });
    for (const minutes of [1, 2, 3, 4]) await start(at(minutes));
    await run("resume_queue", { name: "a" });
    await drain(setup.scheduler, clock, at(4, 1));
    await drain(setup.scheduler, clock, at(7));
    expect((await ledger(job.id)).filter((line) => line.endsWith("succeeded"))).toHaveLength(2);
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ state: "completed" });
  });

  test("leaves the latest slot alone waiting, whatever runs by hand between", async () => {
    await run("pause_queue", { name: "a" });
    const job = await create({ queue: "a", cron: "* * * * *" });
    await start(at(1));
    clock.set(at(1, 30));
    for (let time = 0; time < 10; time++) await run("run_job", { job_id: job.id });
    await start(at(2));
    const { data } = await run("list_executions", { job_id: job.id, trigger: "schedule" });
    expect(data.map(({ status }) => status)).toEqual(["pending", "skipped"]);
  });

  test("ends a job whose only run waited in it", async () => {
    await run("pause_queue", { name: "a" });
    const job = await create({ queue: "a", cron: "* * * * *", max_runs: 1 });
    await start(at(1));
    await run("resume_queue", { name: "a" });
    await drain(setup.scheduler, clock, at(1, 1));
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ state: "completed", next_run_at: null });
  });

  test("lets time run out for who waits in it", async () => {
    await run("pause_queue", { name: "a" });
    await createAt([1], { ttl_seconds: 30 });
    await start(at(1));
    clock.set(at(2));
    await reconcile(setup.scheduler.engine, startReconciling({ workerId: randomUUID() }));
    expect(await ledger()).toEqual(["12:01 expired ttl"]);
    expect((await run("list_jobs", {})).data[0]).toMatchObject({
      state: "completed",
      last_status: "expired",
      consecutive_failures: 1,
    });
  });

  test("who waits in it can be canceled, alone or with the job", async () => {
    await run("pause_queue", { name: "a" });
    const job = await create({ queue: "a" });
    const other = await create({ queue: "a" });
    await start(at(1));
    const [execution] = (await run("list_executions", { job_id: job.id })).data;
    expect(await run("cancel_execution", { execution_id: execution!.id })).toMatchObject({
      status: "canceled",
    });
    await run("cancel_job", { job_id: other.id });
    await run("resume_queue", { name: "a" });
    expect(await start(at(1))).toEqual([]);
    expect((await run("list_queues", {})).data[0]).toMatchObject({ waiting: 0, running: 0 });
    // Its only slot is over: so is the job.
    expect(await run("get_job", { job_id: job.id })).toMatchObject({
      state: "completed",
      last_status: null,
    });
  });
});

test("who waits for a turn is not sent once its job is gone, though it was in hand in that moment", async () => {
  await run("update_queue", { name: "a", concurrency: 1 });
  const kept = await create({ queue: "a", url: `${target.url}/kept` });
  const gone = await create({ queue: "a", url: `${target.url}/gone` });
  clock.set(at(1));
  const { engine } = setup.scheduler;
  await plan(engine, { ...worker, admission: roomFor(10) });
  // As if somebody had held its execution when the job was deleted.
  const { db } = engine.database;
  await sql`update scheduler.jobs set deleted_at = now() where id = (
    select job_id from scheduler.executions order by id desc limit 1)`.execute(db);
  const started = await start(at(1));
  await finish(started);
  const others = await start(at(1));
  expect(started.length + others.length).toBe(1);
  const jobs = await Promise.allSettled([kept, gone].map(({ id }) => run("get_job", { job_id: id })));
  expect(jobs.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect((await run("list_executions", { status: "canceled" })).data).toHaveLength(1);
});

describe("what is ready already when its queue is limited", () => {
  test("lines up: a slot that found no room", async () => {
    await createAt([1], { queue: "a", cron: "* * * * *", run_at: undefined });
    clock.set(at(2));
    expect(await plan(setup.scheduler.engine, noRoom)).toMatchObject({ started: [], moved: true });
    await run("pause_queue", { name: "a" });
    expect(await drain(setup.scheduler, clock, at(2))).toEqual([]);
    await run("resume_queue", { name: "a" });
    expect(await drain(setup.scheduler, clock, at(2))).toHaveLength(1);
  });

  test("lines up: a slot that found no room, at the place of its slot", async () => {
    await create({ queue: "a", cron: "1 * * * *", url: `${target.url}/1` });
    clock.set(at(1, 30));
    await plan(setup.scheduler.engine, noRoom);
    await createAt([2]);
    await run("update_queue", { name: "a", concurrency: 1 });
    clock.set(at(3));
    await plan(setup.scheduler.engine, { ...worker, admission: roomFor(10) });
    expect(paths(await start(at(3)))).toEqual(["/1"]);
  });

  if (onServer)
    test.each([
      { change: "opened", before: "pause_queue", after: "resume_queue", fires: 1 },
      { change: "closed", before: "resume_queue", after: "pause_queue", fires: 0 },
    ] as const)(
      "stays due where its queue is $change between the claim and the start",
      async ({ before, after, fires }) => {
        await createAt([1], { cron: "1 12 * * *", run_at: undefined });
        clock.set(at(2));
        const { engine } = setup.scheduler;
        await plan(engine, noRoom);
        await run(before, { name: "a" });
        await inTransaction(engine, async (session) => {
          const claimed = await claimWaiting(session, { limit: 10, leadMs: 0, full: [], order: "oldest" });
          expect(claimed).toMatchObject([{ lines_up: before === "pause_queue" }]);
          await run(after, { name: "a" });
          const ids = claimed.map(({ id }) => id);
          if (before === "pause_queue") await lineUp(session, ids);
          else expect(await startExecutions(session, { ids, ...worker })).toEqual([]);
        });
        expect(await drain(setup.scheduler, clock, at(2))).toHaveLength(fires);
        await run("resume_queue", { name: "a" });
        expect(await drain(setup.scheduler, clock, at(2))).toHaveLength(1 - fires);
      },
    );

  test("lines up: a manual run, a replay, a delayed run", async () => {
    const job = await create({ queue: "a", cron: "0 0 1 1 *" });
    const run1 = await run("run_job", { job_id: job.id });
    await drain(setup.scheduler, clock, at(0));
    await run("pause_queue", { name: "a" });
    await run("replay_execution", { execution_id: run1.id });
    await run("run_job", { job_id: job.id });
    await run("run_job", { job_id: job.id, delay_seconds: 60 });
    expect(await drain(setup.scheduler, clock, at(2))).toEqual([]);
    expect((await run("list_queues", {})).data[0]).toMatchObject({ waiting: 3 });
    await run("resume_queue", { name: "a" });
    expect(await drain(setup.scheduler, clock, at(2))).toHaveLength(3);
  });
});

describe("priority", () => {
  test("counts for jobs too that are not planned yet: they do not wait for room behind a backlog", async () => {
    await run("update_queue", { name: "high", priority: 100 });
    await createAt([1, 1, 1], { queue: "high", url: `${target.url}/high` });
    await createAt(Array(20).fill(2) as number[], { queue: undefined, url: `${target.url}/low` });
    clock.set(at(3));
    const { engine } = setup.scheduler;
    const order: string[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const admission = roomFor(5);
      const first = await takeLines(engine, { ...worker, admission, leastPriority: 1 });
      const planned = await plan(engine, { ...worker, admission, backlog: turn > 0 });
      order.push(...paths(first.started), ...paths(planned.started));
    }
    expect(order.slice(10, 13)).toEqual(["/high", "/high", "/high"]);
  });

  test("goes before fairness among queues", async () => {
    const priorities = { high: 100, middle: 0, low: -100 };
    for (const [name, priority] of Object.entries(priorities)) {
      await run("update_queue", { name, priority, concurrency: 50 });
      await createAt([1, 1, 1, 1], { queue: name, url: `${target.url}/${name}` });
    }
    clock.set(at(2));
    const { engine } = setup.scheduler;
    await plan(engine, { ...worker, admission: roomFor(100) });
    const { started } = await takeLines(engine, { ...worker, admission: roomFor(6), ...all });
    expect(paths(started)).toEqual(["/high", "/high", "/high", "/high", "/middle", "/middle"]);
  });

  test("goes before what is due elsewhere, and after it when it is low", async () => {
    await run("update_queue", { name: "high", priority: 10 });
    await run("update_queue", { name: "low", priority: -10 });
    await createAt([1], { queue: "low" });
    await createAt([2], { queue: "high" });
    clock.set(at(3));
    const { engine } = setup.scheduler;
    await plan(engine, { ...worker, admission: roomFor(10) });
    const first = await takeLines(engine, { ...worker, admission: roomFor(1), leastPriority: -1000 });
    expect(paths(first.started)).toEqual(["/2"]);
    expect((await takeLines(engine, { ...worker, admission: roomFor(1), leastPriority: 0 })).started).toEqual(
      [],
    );
    expect(
      (await takeLines(engine, { ...worker, admission: roomFor(1), leastPriority: -1000 })).started,
    ).toHaveLength(1);
  });
});
