import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Execution, Input, Job } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const once = { max_attempts: 1 };
const { setup, target, run, create } = testBench({ clock, job: { when: "1h", retry: once } });

/** Manual runs of a job that all fail, a second apart. */
async function fail({ id: job_id }: Job, times: number): Promise<string[]> {
  target.answer(503);
  const failed: string[] = [];
  for (let time = 0; time < times; time++) {
    clock.advance(1000);
    failed.push((await run("run_job", { job_id })).id);
    await drain(setup.scheduler, clock);
  }
  target.answer(200);
  target.arrivals.length = 0;
  return failed;
}

async function list(filter: Input<"list_executions">): Promise<Execution[]> {
  return (await run("list_executions", { limit: 100, ...filter })).data;
}

const after = (ms: number): Date => new Date(clock.now().getTime() + ms);

describe("list_executions", () => {
  test("finds dead letters by their queue and by what went wrong", async () => {
    const [plain, queued] = [await create(), await create({ queue: "webhooks" })];
    const [inDefault] = await fail(plain, 1);
    const [inQueue] = await fail(queued, 1);
    const refused = await create({ url: "http://127.0.0.1:1/", queue: "webhooks" });
    const [unreached] = await fail(refused, 1);
    const { id: fine } = await run("run_job", { job_id: queued.id });
    await drain(setup.scheduler, clock);
    const ids = async (filter: Input<"list_executions">) => (await list(filter)).map(({ id }) => id);
    expect(new Set(await ids({ queue: "webhooks" }))).toEqual(new Set([inQueue, unreached, fine]));
    expect(await ids({ queue: "webhooks", status: "failed" })).toEqual([unreached, inQueue]);
    expect(await ids({ error_code: "status" })).toEqual([inQueue, inDefault]);
    expect(await ids({ error_code: "refused", status: "failed", queue: "webhooks" })).toEqual([unreached]);
    expect(await ids({ queue: "default" })).toEqual([inDefault]);
    expect(await ids({ queue: "unheard-of" })).toEqual([]);
  });
});

describe("replay_executions", () => {
  test("counts first, then sends the oldest again at the rate it was given", async () => {
    const job = await create({ method: "POST", body: { old: true } });
    const failed = await fail(job, 5);
    await run("update_job", { job_id: job.id, body: { old: false } });
    await run("delete_job", { job_id: job.id });

    expect(await run("replay_executions", { job_id: job.id, dry_run: true })).toMatchObject({
      id: null,
      dry_run: true,
      matched: 5,
      matched_capped: false,
      replayed: 0,
    });
    expect(await list({ trigger: "replay" })).toEqual([]);

    const replay = await run("replay_executions", { job_id: job.id, limit: 3, per_second: 2 });
    expect(replay).toMatchObject({
      id: expect.stringMatching(/^rpl_/),
      matched: 5,
      replayed: 3,
      remaining: 2,
      finishes_at: after(1000).toISOString(),
    });
    const replays = await list({ trigger: "replay" });
    expect(new Set(replays.map(({ replay_of }) => replay_of))).toEqual(new Set(failed.slice(0, 3)));
    const start = clock.now();
    expect(await drain(setup.scheduler, clock, start)).toHaveLength(1);
    expect(await run("get_replay", { replay_id: replay.id! })).toMatchObject({
      state: "active",
      total: 3,
      done: 1,
      percent: 33.3,
      executions: { pending: 2, succeeded: 1 },
      finishes_at: replay.finishes_at,
    });
    expect(await drain(setup.scheduler, clock, after(500))).toHaveLength(1);
    expect(await drain(setup.scheduler, clock, after(500))).toHaveLength(1);
    expect(target.arrivals.map(({ body }) => body)).toEqual(Array(3).fill('{"old":true}'));
    expect(await run("get_replay", { replay_id: replay.id! })).toMatchObject({
      state: "completed",
      done: 3,
      percent: 100,
      finishes_at: null,
    });
    const ofReplay = await list({ replay_id: replay.id! });
    expect(new Set(ofReplay.map(({ id }) => id))).toEqual(new Set(replays.map(({ id }) => id)));
    // Nothing is left to cancel.
    expect(await run("cancel_replay", { replay_id: replay.id! })).toMatchObject({
      state: "completed",
      canceled_at: null,
    });
  });

  test("leaves out what was replayed already, by whomever, also by both at once", async () => {
    const job = await create();
    const [first] = await fail(job, 6);
    await run("replay_execution", { execution_id: first! });
    const both = await Promise.all([
      run("replay_executions", { all: true }),
      run("replay_executions", { all: true }),
    ]);
    expect(new Set(both.map(({ replayed }) => replayed))).toEqual(new Set([0, 5]));
    expect(await run("replay_executions", { all: true })).toMatchObject({
      id: null,
      matched: 0,
      replayed: 0,
    });
    expect(await list({ trigger: "replay" })).toHaveLength(6);
    expect(await drain(setup.scheduler, clock, after(1000))).toHaveLength(6);
  });

  test("replays thousands at once, and takes them back at once", async () => {
    const job = await create();
    await fail(job, 1);
    const { db } = setup.scheduler.engine.database;
    await sql`insert into scheduler.executions (scope_id, id, job_id, revision_id, trigger, status, scheduled_for,
        finished_at, created_at)
      select e.scope_id, gen_random_uuid(), e.job_id, e.revision_id, 'schedule', 'failed', e.scheduled_for,
        e.finished_at, e.created_at
      from scheduler.executions e, generate_series(1, 2499)`.execute(db);
    const replay = await run("replay_executions", { all: true, limit: 10_000, per_second: 1000 });
    expect(replay).toMatchObject({ matched: 2500, replayed: 2500, finishes_at: after(2499).toISOString() });
    expect(await run("cancel_replay", { replay_id: replay.id! })).toMatchObject({
      executions: { canceled: 2500 },
    });
  });

  test("is canceled where it has not begun, and what was held back can be replayed later", async () => {
    const job = await create();
    await fail(job, 3);
    const { id: replay_id } = await run("replay_executions", { queue: "default", per_second: 1 });
    await drain(setup.scheduler, clock);
    const canceled = await run("cancel_replay", { replay_id: replay_id! });
    expect(canceled).toMatchObject({
      state: "canceled",
      executions: { succeeded: 1, canceled: 2, pending: 0 },
      finishes_at: null,
    });
    expect(await run("cancel_replay", { replay_id: replay_id! })).toEqual(canceled);
    expect(await drain(setup.scheduler, clock, after(10_000))).toEqual([]);
    expect(await run("replay_executions", { all: true, status: "canceled" })).toMatchObject({ matched: 0 });
    expect(await run("replay_executions", { all: true })).toMatchObject({ replayed: 2 });
  });

  test("wants to know which, and knows only whole ids", async () => {
    for (const name of ["replay_executions", "purge_executions"] as const) {
      await expect(run(name, {})).rejects.toMatchObject({ code: "invalid_input", field: "all" });
      await expect(run(name, { execution_ids: ["7"] })).rejects.toMatchObject({
        code: "not_found",
        field: "execution_ids",
      });
    }
  });

  test("takes nothing of the other half, and nothing that is not over", async () => {
    const job = await create({ retry: { max_attempts: 3 } });
    const [retrying] = await fail(job, 1);
    const [failed] = await fail(await create(), 1);
    const execution_ids = [retrying!, failed!];
    for (const name of ["replay_executions", "purge_executions"] as const)
      await expect(run(name, { execution_ids }, setup.testCaller)).rejects.toMatchObject({
        code: "not_found",
        field: "execution_ids",
      });
    expect(await run("replay_executions", { execution_ids })).toMatchObject({ matched: 1, replayed: 1 });
  });
});

describe("purge_executions", () => {
  test("takes away what matches, oldest first, with its attempts, and nothing else", async () => {
    const [one, other] = [await create(), await create({ queue: "webhooks" })];
    const failed = await fail(one, 3);
    const [kept] = await fail(other, 1);
    const { id: fine } = await run("run_job", { job_id: one.id });
    await drain(setup.scheduler, clock);
    const filter = { job_id: one.id };
    expect(await run("purge_executions", { ...filter, dry_run: true })).toMatchObject({
      matched: 3,
      purged: 0,
    });
    expect(await run("purge_executions", { ...filter, limit: 2 })).toEqual({
      matched: 3,
      matched_capped: false,
      purged: 2,
      remaining: 1,
    });
    expect(new Set((await list({})).map(({ id }) => id))).toEqual(new Set([failed[2], kept, fine]));
    await expect(run("get_execution", { execution_id: failed[0]! })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await run("purge_executions", filter)).toMatchObject({ purged: 1, remaining: 0 });
    const attempts = await setup.scheduler.engine.database.db
      .selectFrom("attempts")
      .select("execution_id")
      .execute();
    expect(attempts).toHaveLength(2);
  });
});
