import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Input } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { testClock } from "../testing/index.ts";

const start = "2026-03-01T12:00:00.000Z";
const clock = testClock(start);
const { setup, run, create } = testBench({ clock });

type Fields = Partial<Input<"create_job">>;
type Change = Omit<Input<"update_job">, "job_id">;

/** Everything that an operation could leave behind, numbers that were given out among it. */
async function everything(): Promise<unknown> {
  const { rows } = await sql`
    select (select json_agg(j order by id) from scheduler.jobs j) as jobs,
      (select json_agg(r order by id) from scheduler.revisions r) as revisions,
      (select json_agg(e order by id) from scheduler.executions e) as executions,
      (select json_agg(a order by id) from scheduler.audit a) as audit,
      (select json_build_array(last_value, is_called) from scheduler.jobs_number_seq) as number`.execute(
    setup.scheduler.engine.database.db,
  );
  return rows[0];
}

async function withoutTrace<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  const before = await everything();
  try {
    return await work();
  } finally {
    expect(await everything()).toEqual(before);
  }
}

const daily = { cron: "30 2 * * *", timezone: "Europe/Berlin" };

describe("create_job", () => {
  test.each<[string, Fields]>([
    ["now", {}],
    ["at an instant", { when: "2h", description: "once", metadata: { a: "b" } }],
    ["by a cron", { ...daily, body: { a: 1 }, retry: { max_attempts: 2 }, max_runs: 2 }],
    ["every so often", { every_n_minutes: 5, method: "PUT", headers: { "X-A": "1" } }],
    ["never yet", { draft: true }],
  ])("answers with the very job that would be: %s", async (_, fields) => {
    const { dry_run, notes, ...tried } = await withoutTrace(() => create({ ...fields, dry_run: true }));
    expect({ dry_run, notes }).toEqual({ dry_run: true, notes: [] });
    const { execution_id: _execution, ...created } = await create(fields);
    expect({ ...tried, id: created.id }).toEqual(created);
    await expect(run("get_job", { job_id: tried.id })).rejects.toMatchObject({ code: "not_found" });
  });

  test("has the notes that preview_schedule has", async () => {
    clock.set("2026-03-27T12:00:00Z");
    const { notes } = await create({ ...daily, dry_run: true });
    expect(notes).toEqual([expect.stringContaining("02:30 does not exist then")]);
    expect(notes).toEqual((await run("preview_schedule", daily)).notes);
    const few = { ...daily, end_at: "2026-03-30T00:00:00Z" };
    expect((await create({ ...few, dry_run: true, draft: true })).notes).toContainEqual(
      expect.stringContaining("2 runs remain"),
    );
  });

  test.each<[Fields, string, string]>([
    [{ when: "PT2H" }, "invalid_schedule", "when"],
    [{ cron: "0 9 * * *", end_at: "2026-03-02T08:59:00Z" }, "invalid_schedule", "end_at"],
    [{ url: "ftp://a.example" }, "invalid_input", "url"],
    [{ retry: { strategy: "list" } }, "invalid_input", "retry.delays_seconds"],
  ])("refuses %o as the real thing does", async (fields, code, field) => {
    for (const dry_run of [true, false]) {
      await expect(withoutTrace(() => create({ ...fields, dry_run }))).rejects.toMatchObject({
        code,
        field,
        hint: expect.stringMatching(/\w/),
      });
    }
  });

  test("that is no dry run has nothing of one", async () => {
    expect(await create({ dry_run: false })).not.toHaveProperty("dry_run");
    expect((await run("list_jobs", {})).data).toHaveLength(1);
  });
});

describe("update_job", () => {
  test.each<[string, Fields, Change]>([
    ["the request", daily, { name: "b", url: "https://b.example/", body: { a: 1 } }],
    ["the timing", daily, { every_n_minutes: 7 }],
    ["the bounds", daily, { end_at: "2026-06-01T00:00:00Z", max_runs: 3 }],
    ["a draft", { draft: true }, { name: "b" }],
    ["a draft's timing", { draft: true }, { cron: "0 9 * * *" }],
  ])("answers with the very job that would be: %s", async (_, fields, change) => {
    const { id: job_id } = await create(fields);
    clock.advance(60_000);
    const trial = () => run("update_job", { job_id, ...change, dry_run: true });
    const { dry_run, notes, ...tried } = await withoutTrace(trial);
    expect({ dry_run, notes }).toEqual({ dry_run: true, notes: [] });
    expect(tried).toEqual(await run("update_job", { job_id, ...change }));
  });

  test("does not give a slot that waits its execution", async () => {
    const { id: job_id } = await create({ every_n_minutes: 5 });
    clock.advance(6 * 60_000);
    await withoutTrace(() => run("update_job", { job_id, cron: "0 9 * * *", dry_run: true }));
    await run("update_job", { job_id, cron: "0 9 * * *" });
    expect((await run("list_executions", { job_id })).data).toHaveLength(1);
  });

  test("says when nothing is left to run", async () => {
    const { id: job_id } = await create({ when: "1h" });
    await run("pause_job", { job_id });
    clock.advance(2 * 3_600_000);
    const { notes } = await run("update_job", { job_id, name: "b", dry_run: true });
    expect(notes).toEqual([expect.stringMatching(/^It never fires again/)]);
  });

  test("is refused as the real thing is", async () => {
    const { id: job_id } = await create({ cron: "0 9 * * *" });
    await run("cancel_job", { job_id });
    const trial = () => run("update_job", { job_id, when: "1h", dry_run: true });
    await expect(withoutTrace(trial)).rejects.toMatchObject({ code: "conflict" });
  });
});

test("tells no worker", async () => {
  const { database } = setup.scheduler.engine;
  const heard: string[] = [];
  const stop = await database.listen(["scheduler_due"], (_, payload) => void heard.push(payload));
  // Notices come in their order, but listening begins when it begins.
  const mark = async (text: string) => {
    await sql`select pg_notify('scheduler_due', ${text})`.execute(database.db);
    return heard.includes(text);
  };
  await expect.poll(() => mark("begin")).toBe(true);
  const { id: job_id } = await create({ when: "1h" });
  heard.length = 0;
  await create({ dry_run: true });
  await run("update_job", { job_id, when: "1s", dry_run: true });
  await expect.poll(() => mark("end")).toBe(true);
  expect(heard).not.toContain("");
  await create({});
  await expect.poll(() => heard).toContain("");
  await stop();
});

test("every job has its schedule in English", async () => {
  const { id: job_id } = await create({ cron: "0 9 * * 1-5", timezone: "Europe/Berlin" });
  const described = { schedule_description: "At 09:00, Monday through Friday (Europe/Berlin)" };
  expect(await run("get_job", { job_id })).toMatchObject(described);
  expect((await run("list_jobs", {})).data).toMatchObject([described]);
  expect(await run("update_job", { job_id, every_n_minutes: 90 })).toMatchObject({
    schedule_description: "Every 90 minutes",
  });
});
