import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import pino from "pino";
import { afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { ExecutionStatus, Output } from "@org/scheduler-contract";
import { answered } from "../testing/answered.ts";
import { otherProcess, testBench } from "../testing/bench.ts";
import { takeBackAll } from "../testing/lost-workers.ts";
import { playWorker } from "../testing/play-worker.ts";
import { drain, testClock } from "../testing/index.ts";
import type { Engine } from "./engine.ts";
import { resume } from "./presence.sql.ts";
import { reconcile, startReconciling } from "./reconcile.ts";
import { settle, toSettled } from "./settle.ts";
import type { SettledAttempt } from "./settle.sql.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const onServer = inject("postgresUrl") !== null;
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

describe("a worker that lost its execution", () => {
  async function startedAgain() {
    const late = playWorker(engine);
    const [execution] = await late.start();
    await takeBackAll(engine);
    const next = playWorker(engine);
    const [again] = await next.start();
    expect(again).toMatchObject({ id: execution!.id, attempt_count: 2 });
    return { late, execution: execution!, next, again: again! };
  }

  test("changes nothing with a failure that comes too late, and has it on record", async () => {
    await createJobs(1);
    const { late, execution, next, again } = await startedAgain();
    warnings.length = 0;
    await late.settle(execution, { statusCode: 503, body: "late" });
    expect(warnings).toMatchObject([{ msg: expect.stringContaining("too late") as string }]);
    expect(await statuses()).toEqual(["running"]);
    await next.settle(again, { statusCode: 204 });
    await late.settle(execution, { statusCode: 500 });
    await next.settle(again, { statusCode: 500 });
    expect(await executions()).toMatchObject([
      {
        status: "succeeded",
        status_code: 204,
        attempts: [
          { number: 1, status: "http_error", status_code: 503, response_body: "late" },
          { number: 2, status_code: 204 },
        ],
      },
    ]);
  });

  test("ends its execution with a success that comes late but first", async () => {
    await createJobs(1, { callback_url: `${target.url}/callback` });
    const { late, execution, next, again } = await startedAgain();
    await late.settle(execution, { body: "late" });
    expect(await statuses()).toEqual(["succeeded"]);
    await next.settle(again, { statusCode: 500 });
    expect(await executions()).toMatchObject([
      {
        status: "succeeded",
        status_code: 200,
        error: null,
        attempts: [
          { number: 1, status: "succeeded", response_body: "late" },
          { number: 2, status: "http_error", status_code: 500 },
        ],
      },
    ]);
    expect(await count("scheduler.deliveries")).toBe(1);
    expect(await count("scheduler.open_executions")).toBe(0);
  });

  test.each([
    [200, "succeeded", "succeeded"],
    [500, "failed", "http_error"],
  ] as const)(
    "counts with the answer %i as long as nobody has begun anew",
    async (statusCode, next, status) => {
      await createJobs(1, { retry: { max_attempts: 1 } });
      const late = playWorker(engine);
      const [execution] = await late.start();
      await takeBackAll(engine);
      expect(await statuses()).toEqual(["retrying"]);
      await late.settle(execution!, { statusCode });
      expect(await executions()).toMatchObject([
        { status: next, attempt_count: 1, attempts: [{ number: 1, status, status_code: statusCode }] },
      ]);
      expect(await count("scheduler.open_executions")).toBe(0);
      expect(await playWorker(engine).start()).toEqual([]);
    },
  );

  test("gets it back when it comes back and nobody has begun anew, with its place in its queue", async () => {
    await execute("update_queue", { name: "narrow", concurrency: 1 });
    await createJobs(2, { queue: "narrow" });
    const worker = playWorker(engine);
    await worker.start();
    const [execution] = await worker.takeTurn();
    await takeBackAll(engine);
    const held = [{ id: execution!.id, number: 1 }];
    expect(await resume(engine.database.db, worker.workerId, held)).toBe(1);
    expect(await resume(engine.database.db, worker.workerId, held)).toBe(0);
    expect((await statuses()).toSorted()).toEqual(["pending", "running"]);
    const other = playWorker(engine);
    await other.start();
    expect(await other.takeTurn()).toEqual([]);
    await worker.settle(execution!);
    expect(await other.takeTurn()).toHaveLength(1);
    const first = (await executions()).find(({ status }) => status === "succeeded");
    expect(first).toMatchObject({ attempt_count: 1, attempts: [{ number: 1, status: "succeeded" }] });
  });

  test("does not get back what another has begun", async () => {
    await createJobs(1);
    const { late, execution, next, again } = await startedAgain();
    const held = [{ id: execution.id, number: 1 }];
    expect(await resume(engine.database.db, late.workerId, held)).toBe(0);
    await next.settle(again);
    expect(await executions()).toMatchObject([{ status: "succeeded", attempt_count: 2 }]);
  });

  test("writes an outcome whose answer was lost twice without doing anything twice", async () => {
    await createJobs(1, { retry: { max_attempts: 3, strategy: "fixed", base_seconds: 10, jitter: false } });
    const worker = playWorker(engine);
    const [execution] = await worker.start();
    for (let time = 0; time < 2; time++) await worker.settle(execution!, { statusCode: 500 });
    expect(warnings).toEqual([]);
    expect(await executions()).toMatchObject([
      { status: "retrying", next_attempt_at: "2026-03-01T12:00:10.000Z", attempts: [{ number: 1 }] },
    ]);
  });

  test("does not hold back the other outcomes of its batch", async () => {
    await createJobs(2);
    const worker = playWorker(engine);
    const [lost, kept] = await worker.start();
    await sql`update scheduler.executions set worker_id = ${randomUUID()}::uuid where id = ${lost!.id}`.execute(
      engine.database.db,
    );
    const outcomes = [lost!, kept!].map((execution) =>
      toSettled(execution, answered, new Date(execution.clock)),
    );
    await settle(engine, worker.workerId, outcomes);
    expect(outcomes).toEqual([]);
    expect((await statuses()).toSorted()).toEqual(["running", "succeeded"]);
  });
});

describe("executions of a lost worker", () => {
  test("go on elsewhere: the cut attempt is recorded, and does not count as one of the job's", async () => {
    await createJobs(1, { retry: { max_attempts: 2, strategy: "fixed", base_seconds: 10, jitter: false } });
    await playWorker(engine).start();
    await takeBackAll(engine);
    expect(await executions()).toMatchObject([
      {
        status: "retrying",
        next_attempt_at: "2026-03-01T12:00:00.000Z",
        error: { code: "worker_lost" },
        attempts: [{ number: 1, status: "interrupted", error_code: "worker_lost", status_code: null }],
      },
    ]);
    expect(await count("scheduler.workers")).toBe(0);
    target.answer(500);
    expect(await drain(setup.scheduler, clock)).toMatchObject([{ attempt: 2, next: "retrying" }]);
    target.answer(200);
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:00:10Z")).toMatchObject([
      { attempt: 3, next: "succeeded" },
    ]);
    expect(await executions()).toMatchObject([{ status: "succeeded", attempt_count: 3, error: null }]);
  });

  test("are left where they are while their worker beats", async () => {
    await createJobs(1);
    const worker = playWorker(engine);
    await worker.start();
    await sql`
      insert into scheduler.workers (id, host, pid, slots) values
        (${worker.workerId}::uuid, 'host', 1, 1)`.execute(engine.database.db);
    await reconcile(engine, startReconciling({ workerId: randomUUID() }));
    expect(await statuses()).toEqual(["running"]);
  });

  test("fail when one worker after the other is lost under them: the sixth time is their own doing", async () => {
    await createJobs(1, { retry: { max_attempts: 2 } });
    const seen: (ExecutionStatus | undefined)[] = [];
    for (let round = 0; round < 6; round++) {
      await playWorker(engine).start();
      await takeBackAll(engine);
      seen.push(...(await statuses()));
    }
    expect(seen).toEqual(["retrying", "retrying", "retrying", "retrying", "retrying", "failed"]);
    const [execution] = await executions();
    expect(execution).toMatchObject({
      error: { code: "worker_lost" },
      attempt_count: 6,
      next_attempt_at: null,
    });
    expect(execution!.attempts.map(({ status }) => status)).toEqual(Array(6).fill("interrupted"));
    expect(await execute("list_jobs", {})).toMatchObject({
      data: [{ state: "completed", consecutive_failures: 1 }],
    });
    expect(await count("scheduler.open_executions")).toBe(0);
  });

  if (onServer)
    test("are not overlooked because somebody held them in that moment", async () => {
      await createJobs(1);
      const worker = playWorker(engine);
      await worker.start();
      const locked = Promise.withResolvers<void>();
      const enough = Promise.withResolvers<void>();
      const holding = other.engine.database.db.transaction().execute(async (tx) => {
        await sql`select 1 from scheduler.executions for update`.execute(tx);
        locked.resolve();
        await enough.promise;
      });
      await locked.promise;
      await takeBackAll(engine);
      enough.resolve();
      await holding;
      const state = startReconciling({ workerId: randomUUID() });
      while ((await reconcile(engine, state)) === 0);
      expect(await statuses()).toEqual(["retrying"]);
    });
});

describe("what runs in the name of a worker that does not know of it", () => {
  test("goes on once that has been seen for 30 s, and what it holds stays", async () => {
    await createJobs(3);
    const worker = playWorker(engine);
    const [held] = await worker.start();
    let now = 0;
    const state = startReconciling({
      workerId: worker.workerId,
      held: () => [{ id: held!.id, number: 1 }],
      steady: () => now,
    });
    await reconcile(engine, state);
    now = 29_000;
    await reconcile(engine, state);
    expect(await statuses()).toEqual(["running", "running", "running"]);
    now = 30_000;
    await reconcile(engine, state);
    expect((await statuses()).toSorted()).toEqual(["retrying", "retrying", "running"]);
  });

  test("is an earlier attempt than the one it holds", async () => {
    await createJobs(1);
    const worker = playWorker(engine);
    const [first] = await worker.start();
    await takeBackAll(engine);
    await worker.start();
    let now = 0;
    const state = startReconciling({
      workerId: worker.workerId,
      held: () => [{ id: first!.id, number: 1 }],
      steady: () => now,
    });
    await reconcile(engine, state);
    now = 30_000;
    await reconcile(engine, state);
    expect(await executions()).toMatchObject([{ status: "retrying", attempt_count: 2 }]);
  });

  test("goes on too when nobody knows the worker", async () => {
    await createJobs(1);
    await playWorker(engine).start();
    let now = 0;
    const state = startReconciling({ workerId: randomUUID(), steady: () => now });
    await reconcile(engine, state);
    expect(await statuses()).toEqual(["running"]);
    now = 30_000;
    await reconcile(engine, state);
    expect(await statuses()).toEqual(["retrying"]);
  });
});

test("a worker that looks takes nothing back from itself, lost as it may be", async () => {
  await createJobs(1);
  const worker = playWorker(engine);
  const [execution] = await worker.start();
  await sql`
    insert into scheduler.workers (id, host, pid, slots, heartbeat_at)
    values (${worker.workerId}::uuid, 'host', 1, 1, '-infinity')`.execute(engine.database.db);
  const held = () => [{ id: execution!.id, number: 1 }];
  await reconcile(engine, startReconciling({ workerId: worker.workerId, held }));
  expect(await statuses()).toEqual(["running"]);
});

describe("an outcome that the database refuses", () => {
  async function refuse(condition: string): Promise<void> {
    const { db } = engine.database;
    await sql
      .raw(
        `
      create or replace function scheduler.refuse() returns trigger language plpgsql as
      $$ begin if ${condition} then raise exception 'no' using errcode = 'check_violation'; end if; return new; end $$`,
      )
      .execute(db);
    await sql
      .raw(
        `create or replace trigger refuse before insert on scheduler.attempts
      for each row execute function scheduler.refuse()`,
      )
      .execute(db);
  }
  afterEach(async () => {
    await sql`drop function if exists scheduler.refuse cascade`.execute(engine.database.db);
  });

  test("is stored without what the target sent", async () => {
    await refuse("new.response_body is not null");
    await createJobs(1);
    const worker = playWorker(engine);
    const [execution] = await worker.start();
    await worker.settle(execution!, { body: "no" });
    expect(await executions()).toMatchObject([
      { status: "succeeded", attempts: [{ status: "succeeded", status_code: 200, response_body: null }] },
    ]);
  });

  test("is stored as a failure that says so, where its figures are refused as well", async () => {
    await refuse("new.status_code is not null");
    await createJobs(1);
    const worker = playWorker(engine);
    const [execution] = await worker.start();
    await worker.settle(execution!, { body: "no" });
    expect(await executions()).toMatchObject([
      {
        status: "failed",
        error: { code: "unusable" },
        attempts: [{ error_code: "unusable", status_code: null }],
      },
    ]);
  });

  test("is kept where nothing of it can be stored, and holds up no other", async () => {
    await createJobs(2);
    const worker = playWorker(engine);
    const [bad, good] = await worker.start();
    await refuse(`new.execution_id = '${bad!.id}'`);
    const outcomes = [bad!, good!].map((execution) =>
      toSettled(execution, answered, new Date(execution.clock)),
    );
    const refused: SettledAttempt[] = [];
    await settle(engine, worker.workerId, outcomes, refused);
    expect(refused).toMatchObject([{ id: bad!.id, number: 1 }]);
    expect((await statuses()).toSorted()).toEqual(["running", "succeeded"]);
  });
});
