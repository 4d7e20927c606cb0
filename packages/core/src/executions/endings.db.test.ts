import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Job } from "@org/scheduler-contract";
import { reconcile, startReconciling } from "../engine/reconcile.ts";
import { fromPublicId } from "../ids.ts";
import { testBench } from "../testing/bench.ts";
import { deliver } from "../testing/deliver.ts";
import { drain, testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run, create } = testBench({ clock, job: { when: "2h" } });

const backlog = 4000;
/** What an answer may have to wait for on a busy machine; without steps it is several times as much. */
const step = 500;

/** Executions of a job that wait for their time, so many that nobody should end them all in one statement. */
async function fill(job: Job, count = backlog): Promise<void> {
  await sql`
    with j as (
      select * from scheduler.jobs where id = ${fromPublicId("job", job.id)!}::uuid
    ), written as (
      insert into scheduler.executions (scope_id, id, job_id, queue, revision_id, trigger, status, scheduled_for, due_at, created_at)
      select j.scope_id, (lpad(to_hex(1772366400000 + g), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
        j.id, j.queue, j.revision_id, 'manual', 'pending', ${clock.now()}, ${new Date("2026-03-01T12:30:00Z")}, ${clock.now()}
      from j, generate_series(1, ${count}::integer) g
      returning id, scope_id
    )
    insert into scheduler.open_executions (id, scope_id) select id, scope_id from written`.execute(
    setup.scheduler.engine.database.db,
  );
}

async function countWaiting(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from scheduler.executions where status = 'pending'`.execute(
    setup.scheduler.engine.database.db,
  );
  return rows[0]!.count;
}

/** The largest number of executions that were ended by one transaction. */
async function mostEndedAtOnce(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from scheduler.executions where finished_at is not null
    group by xmin::text order by 1 desc limit 1`.execute(setup.scheduler.engine.database.db);
  return rows[0]!.count;
}

/** What a worker does beside firing, until there is no more to do. */
async function mend(): Promise<void> {
  const state = startReconciling({ workerId: randomUUID() });
  while ((await reconcile(setup.scheduler.engine, state)) === 0);
}

describe.each(["cancel_job", "delete_job"] as const)(
  "%s with thousands of executions that wait",
  (operation) => {
    test("answers after a few steps, starts none of the rest, and ends them a step at a time", async () => {
      const job = await create();
      const other = await create();
      await fill(job);
      await fill(other, 10);
      await run(operation, { job_id: job.id });
      expect(await countWaiting()).toBe(backlog - 5 * step + 10);
      expect(await drain(setup.scheduler, clock, "2026-03-01T12:10:00Z")).toEqual([]);
      await mend();
      expect(await countWaiting()).toBe(10);
      expect(await mostEndedAtOnce()).toBeLessThanOrEqual(5 * step);
      const { rows } = await sql<{ reason: string }>`
      select distinct reason from scheduler.executions where status = 'canceled'`.execute(
        setup.scheduler.engine.database.db,
      );
      expect(rows).toEqual([{ reason: operation === "cancel_job" ? "job_canceled" : "job_deleted" }]);
      const left = await sql`select from scheduler.endings`.execute(setup.scheduler.engine.database.db);
      expect(left.rows).toEqual([]);
      expect(await drain(setup.scheduler, clock, "2026-03-01T12:30:00Z")).toHaveLength(10);
      expect(target.arrivals).toHaveLength(10);
    });

    test("starts none of the rest when that is due before it is ended", async () => {
      const job = await create();
      await fill(job);
      await run(operation, { job_id: job.id });
      expect(await drain(setup.scheduler, clock, "2026-03-01T12:30:00Z")).toEqual([]);
      await mend();
      expect(await countWaiting()).toBe(0);
    });
  },
);

test("a job of the same key is created while the rest of the one before it is being ended", async () => {
  const job = await create({ key: "again" });
  await fill(job);
  await run("delete_job", { job_id: job.id });
  const next = await create({ key: "again", revive: true });
  await run("run_job", { job_id: next.id });
  await mend();
  expect(await countWaiting()).toBe(1);
});

test("a replay that is canceled starts nothing more, and gives all its originals back", async () => {
  target.answer(500);
  const job = await create({ when: "1s", retry: { max_attempts: 1 } });
  await drain(setup.scheduler, clock, "2026-03-01T12:00:01Z");
  const { db } = setup.scheduler.engine.database;
  await sql`
    insert into scheduler.executions (scope_id, id, job_id, queue, revision_id, trigger, status, scheduled_for, created_at, finished_at)
    select scope_id, gen_random_uuid(), job_id, queue, revision_id, 'manual', 'failed', now(), now(), now()
    from scheduler.executions, generate_series(1, 3999)`.execute(db);
  const { id, replayed } = await run("replay_executions", { job_id: job.id, limit: 10_000, per_second: 1 });
  expect(replayed).toBe(4000);
  target.arrivals.length = 0;
  expect(await run("cancel_replay", { replay_id: id! })).toMatchObject({ state: "canceled" });
  expect(await drain(setup.scheduler, clock, "2026-03-01T14:00:00Z")).toEqual([]);
  await mend();
  expect(target.arrivals).toEqual([]);
  const replay = await run("get_replay", { replay_id: id! });
  expect(replay.executions).toMatchObject({ pending: 0, canceled: 4000 });
  expect(await run("replay_executions", { job_id: job.id, dry_run: true, limit: 10_000 })).toMatchObject({
    matched: 4000,
  });
});

test("what is ended in steps calls back like all else", async () => {
  const job = await create({ callback_url: target.url });
  await fill(job, 2600);
  await run("cancel_job", { job_id: job.id });
  await mend();
  const { rows } = await sql<{
    count: number;
  }>`select count(*)::integer as count from scheduler.deliveries`.execute(setup.scheduler.engine.database.db);
  expect(rows[0]!.count).toBe(2600);
  expect((await deliver(setup.scheduler, clock)).length).toBeGreaterThan(0);
});
