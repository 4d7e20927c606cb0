import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Input, Output } from "@org/scheduler-contract";
import { retain, startRetaining } from "../engine/retain.ts";
import { testBench } from "../testing/bench.ts";
import { testClock } from "../testing/index.ts";

const clock = testClock("2026-03-01T12:00:00.000Z");
const { setup, run, create } = testBench({ clock });
const hours = 3_600_000;

const reminder = { name: "reminder", url: "https://a.example", when: "in 2h" };

async function keyed(key: string, fields: Partial<Input<"create_job">> = {}): Promise<Output<"create_job">> {
  return run("create_job", { ...reminder, ...fields, idempotency_key: key });
}

async function count(table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from ${sql.table(
    `scheduler.${table}`,
  )}`.execute(setup.scheduler.engine.database.db);
  return rows[0]!.count;
}

describe("a request that is sent again", () => {
  test("is answered as before, and does nothing", async () => {
    const job = await keyed("a");
    const audited = await count("audit");
    clock.advance(5 * 60_000);
    expect(await keyed("a")).toEqual(job);
    expect([await count("jobs"), await count("audit")]).toEqual([1, audited]);
  });

  test("is the same however its fields are ordered, and with defaults written out", async () => {
    const { name, url, when } = reminder;
    const job = await keyed("a", { metadata: { one: "1", two: "2" } });
    const again = { idempotency_key: "a", when, timezone: "UTC", url, name } as const;
    expect(await run("create_job", { ...again, metadata: { two: "2", one: "1" } })).toEqual(job);
  });

  test("is answered with what was, although the job has changed since, or is gone", async () => {
    const job = await keyed("a");
    await run("update_job", { job_id: job.id, name: "another" });
    expect(await keyed("a")).toEqual(job);
    await run("delete_job", { job_id: job.id });
    expect(await keyed("a")).toEqual(job);
    expect((await run("list_jobs", {})).data).toEqual([]);
  });

  test("says out of band that it is one", async () => {
    const heard: string[] = [];
    const send = (as: string) =>
      setup.scheduler.execute("create_job", { ...reminder, idempotency_key: "a" }, setup.caller, {
        onReplayed: () => void heard.push(as),
      });
    await send("first");
    await send("second");
    await send("third");
    expect(heard).toEqual(["second", "third"]);
  });

  test("is for every operation that makes something new", async () => {
    const many = { jobs: [reminder, reminder], idempotency_key: "many" };
    expect(await run("create_jobs", many)).toEqual(await run("create_jobs", many));
    const { id: job_id } = await create();
    const once = { job_id, idempotency_key: "run" };
    const execution = await run("run_job", once);
    expect(await run("run_job", once)).toEqual(execution);
    await run("cancel_execution", { execution_id: execution.id });
    const replay = { execution_id: execution.id, idempotency_key: "replay" };
    expect(await run("replay_execution", replay)).toEqual(await run("replay_execution", replay));
    expect([await count("jobs"), await count("executions")]).toEqual([3, 2]);
    const { id: execution_id } = await run("run_job", { job_id });
    await run("cancel_execution", { execution_id });
    const rest = { status: "canceled", all: true, idempotency_key: "rest" } as const;
    const replayed = await run("replay_executions", rest);
    expect(replayed).toMatchObject({ replayed: 1 });
    expect(await run("replay_executions", rest)).toEqual(replayed);
  });

  test("after a day is a new one", async () => {
    const job = await keyed("a");
    clock.advance(24 * hours - 1);
    expect((await keyed("a")).id).toBe(job.id);
    clock.advance(1);
    const next = await keyed("a");
    expect(next.id).not.toBe(job.id);
    expect((await keyed("a")).id).toBe(next.id);
    clock.advance(25 * hours);
    await retain(setup.scheduler.engine, startRetaining());
    expect(await count("idempotency_keys")).toBe(0);
  });

  test("of the other half is another one", async () => {
    const live = await keyed("a");
    const other = await run("create_job", { ...reminder, idempotency_key: "a" }, setup.testCaller);
    expect(other.id).not.toBe(live.id);
    expect((await run("create_job", { ...reminder, idempotency_key: "a" }, setup.testCaller)).id).toBe(
      other.id,
    );
  });
});

describe("a key", () => {
  test("is for one request alone", async () => {
    const job = await keyed("a");
    const reuse = { code: "idempotency_key_reuse", field: "idempotency_key", hint: expect.any(String) };
    await expect(keyed("a", { name: "another" })).rejects.toMatchObject(reuse);
    await expect(run("run_job", { job_id: job.id, idempotency_key: "a" })).rejects.toMatchObject({
      ...reuse,
      message: "This idempotency key was used for create_job.",
    });
    expect([await count("jobs"), await count("executions")]).toEqual([1, 0]);
  });

  test("of a request that failed is still unused", async () => {
    await expect(keyed("a", { when: "soonish" })).rejects.toMatchObject({ code: "invalid_schedule" });
    const { id: job_id } = await create();
    const { id: execution_id } = await run("run_job", { job_id });
    const replay = { execution_id, idempotency_key: "b" };
    await expect(run("replay_execution", replay)).rejects.toMatchObject({ code: "conflict" });
    await run("cancel_execution", { execution_id });
    expect((await run("replay_execution", replay)).replay_of).toBe(execution_id);
    expect((await keyed("a")).name).toBe("reminder");
  });

  test("is not used by a dry run", async () => {
    expect(await keyed("a", { dry_run: true })).toMatchObject({ dry_run: true });
    const job = await keyed("a");
    expect(job).not.toHaveProperty("dry_run");
    expect((await keyed("a", { dry_run: true })).id).not.toBe(job.id);
  });

  test.each([
    ["empty", ""],
    ["too long", "x".repeat(256)],
    ["a line break", "a\r\nX-Evil: b"],
    ["a NUL", "a\0b"],
    ["a space at its end", "a "],
    ["no ASCII", "é"],
  ])("is refused: %s", async (_, key) => {
    await expect(keyed(key)).rejects.toMatchObject({ code: "invalid_input", field: "idempotency_key" });
    expect(await count("jobs")).toBe(0);
  });

  test.each(["x".repeat(255), "'; drop table jobs; --", "a b~!"])("may be %s", async (key) => {
    expect(await keyed(key)).toEqual(await keyed(key));
  });
});

test("two at the same moment make one job", async () => {
  const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => keyed("a")));
  expect(await count("jobs")).toBe(1);
  const answers = attempts.filter(({ status }) => status === "fulfilled");
  expect(answers.length).toBeGreaterThan(0);
  const { id } = await keyed("a");
  for (const attempt of attempts) {
    if (attempt.status === "fulfilled") expect(attempt.value.id).toBe(id);
    else
      expect(attempt.reason).toMatchObject({
        code: "idempotency_in_progress",
        retryAfterSeconds: 1,
        hint: expect.any(String),
      });
  }
});
