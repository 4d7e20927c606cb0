import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Input, Job } from "@org/scheduler-contract";
import { retain, startRetaining } from "../engine/retain.ts";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";

const start = "2026-03-01T12:00:00.000Z";
const later = "2026-03-01T12:10:00.000Z";
const clock = testClock(start);
const { setup, target, run } = testBench({ clock });
const days = 24 * 3_600_000;

type Fields = Partial<Input<"put_job">>;

/** Declares the job of the key `nightly`. */
function declare(fields: Fields = {}): Promise<Job> {
  return run("put_job", { key: "nightly", name: "a job", url: `${target.url}/job`, ...fields });
}

function get({ id: job_id }: Job): Promise<Job> {
  return run("get_job", { job_id });
}

async function countRevisions(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from scheduler.revisions`.execute(setup.scheduler.engine.database.db);
  return rows[0]!.count;
}

const full = {
  description: "all of it",
  method: "POST",
  headers: { "X-B": "2", "X-A": "1" },
  body: { b: [1, { c: 2 }], a: null },
  cron: "0 9 * * *",
  timezone: "Europe/Berlin",
  start_at: "2026-03-05T00:00:00.000Z",
  end_at: "2026-06-01T00:00:00+02:00",
  max_runs: 10,
  jitter_seconds: 60,
  ttl_seconds: 600,
  overlap: "skip",
  catch_up: "all",
  catch_up_window_seconds: 60,
  catch_up_max_runs: 5,
  queue: "reports",
  timeout_seconds: 60,
  success_statuses: [201, "3xx"],
  assertions: [{ type: "body_contains", value: "ok" }],
  follow_redirects: true,
  retry: { strategy: "list", delays_seconds: [1, 2] },
  callback_url: "https://b.example/done",
  metadata: { team: "ops", env: "x" },
} satisfies Fields;

describe("a declaration", () => {
  test("creates the job of its key, and finds it again", async () => {
    const job = await declare({ cron: "0 9 * * *" });
    expect(job).toMatchObject({ key: "nightly", state: "active", next_run_at: "2026-03-02T09:00:00.000Z" });
    await run("create_job", { name: "another", url: target.url, key: "other", draft: true });
    expect((await run("list_jobs", { key: "nightly" })).data).toEqual([job]);
    expect((await run("list_jobs", { key: "nightly", state: "active" })).data).toEqual([job]);
    expect((await run("list_jobs", { key: "nightly", state: "paused" })).data).toEqual([]);
    expect((await run("list_jobs", { key: "none" })).data).toEqual([]);
  });

  test.each<[string, Fields]>([
    ["nothing but a request", {}],
    ["everything", full],
    ["a delay", { when: "in 2h" }],
    ["a delay in seconds", { delay_seconds: 60 }],
    ["a time on the clock", { when: "2026-03-02 09:00", timezone: "Europe/Berlin" }],
    ["an instant", { run_at: "2026-03-01T12:05:00Z" }],
    ["an interval", { every_n_minutes: 7, jitter_seconds: 30 }],
    ["a draft", { draft: true, when: "in 2h" }],
  ])("that says what is already so changes nothing: %s", async (_, fields) => {
    const job = await declare(fields);
    clock.set(later);
    expect(await declare(fields)).toEqual(job);
    expect(await run("create_job", { key: "nightly", name: job.name, url: job.url!, ...fields })).toEqual(
      job,
    );
    expect(await countRevisions()).toBe(1);
  });

  test("takes the order of fields for no difference", async () => {
    const job = await declare(full);
    clock.set(later);
    const reordered = {
      headers: { "X-A": "1", "X-B": "2" },
      metadata: { env: "x", team: "ops" },
      end_at: "2026-05-31T22:00:00Z",
    };
    expect(await declare({ ...full, ...reordered })).toEqual(job);
    expect(await declare({ ...full, cron: undefined, when: "0 9 * * *" })).toEqual(job);
  });

  test("puts fields that it leaves out back to their defaults, and keeps who the job is", async () => {
    const job = await declare(full);
    clock.set(later);
    const plain = await declare({ cron: "0 9 * * *" });
    await run("create_job", { name: "a job", url: `${target.url}/job`, cron: "0 9 * * *" });
    const [fresh] = (await run("list_jobs", {})).data;
    const { id, number, key, created_at } = job;
    expect(plain).toEqual({ ...fresh, id, number, key, created_at });
    expect(await countRevisions()).toBe(3);
    expect(await declare(full)).toEqual({ ...job, updated_at: later });
  });

  test.each<[Fields, Partial<Job>, number]>([
    [{ name: "b" }, { name: "b" }, 1],
    [{ metadata: { a: "b" } }, { metadata: { a: "b" } }, 1],
    [{ timezone: "Asia/Tokyo" }, { timezone: "Asia/Tokyo", next_run_at: "2026-03-02T00:00:00.000Z" }, 1],
    [{ max_runs: 3 }, { max_runs: 3 }, 1],
    [{ body: "text" }, { body: "text" }, 2],
    [{ timeout_seconds: 30 }, { timeout_seconds: 30 }, 2],
  ])("changes what differs: %o", async (fields, changed, revisions) => {
    const job = await declare({ cron: "0 9 * * *" });
    clock.set(later);
    expect(await declare({ cron: "0 9 * * *", ...fields })).toMatchObject({
      id: job.id,
      next_run_at: job.next_run_at,
      ...changed,
      updated_at: later,
    });
    expect(await countRevisions()).toBe(revisions);
  });

  test("with a new timing moves the next run", async () => {
    const job = await declare({ every_n_minutes: 60 });
    clock.set(later);
    expect(await declare({ every_n_minutes: 30 })).toMatchObject({
      id: job.id,
      next_run_at: "2026-03-01T12:40:00.000Z",
    });
    expect(await declare({ when: "in 1h" })).toMatchObject({
      kind: "scheduled",
      next_run_at: "2026-03-01T13:10:00.000Z",
    });
    expect(await declare()).toMatchObject({ kind: "one_time", next_run_at: later });
  });

  test("leaves a paused job paused, and a draft a draft", async () => {
    const { id: job_id } = await declare({ cron: "0 9 * * *" });
    const paused = await run("pause_job", { job_id });
    clock.set(later);
    expect(await declare({ cron: "0 9 * * *" })).toEqual(paused);
    expect(await declare({ cron: "0 10 * * *" })).toMatchObject({ state: "paused", next_run_at: null });
    const draft = await declare({ key: "draft", draft: true });
    expect(await declare({ key: "draft" })).toEqual(draft);
  });

  test("is tried by a dry run", async () => {
    const tried = await declare({ dry_run: true });
    expect(tried).toMatchObject({ key: "nightly", dry_run: true });
    const job = await declare({ cron: "0 9 * * *" });
    expect(job.id).not.toBe(tried.id);
    expect(job.number).toBe(tried.number);
    clock.set(later);
    const change = { cron: "0 10 * * *", body: "b" };
    const { dry_run, notes, ...would } = (await declare({ ...change, dry_run: true })) as Job & {
      dry_run: true;
      notes: string[];
    };
    expect([dry_run, notes]).toEqual([true, []]);
    expect(await get(job)).toEqual(job);
    expect(await declare(change)).toEqual(would);
  });

  test("of one half is not that of the other", async () => {
    const live = await declare();
    const other = await run("put_job", { key: "nightly", name: "b", url: target.url }, setup.testCaller);
    expect(other.id).not.toBe(live.id);
    expect((await get(live)).name).toBe("a job");
  });

  test.each<[Fields, string, string]>([
    [{ key: "" }, "invalid_input", "key"],
    [{ key: "a b" }, "invalid_input", "key"],
    [{ key: "../jobs" }, "invalid_input", "key"],
    [{ key: "x".repeat(101) }, "invalid_input", "key"],
    [{ key: "a\0" }, "invalid_input", "key"],
    [{ cron: "61 * * * *" }, "invalid_schedule", "cron"],
    [{ when: "in 2h", cron: "0 9 * * *" }, "invalid_schedule", "cron"],
    [{ cron: "0 9 * * *", kind: "recurring" }, "invalid_schedule", "kind"],
    [{ cron: "0 9 * * *", timezone: "Mars/Olympus" }, "invalid_schedule", "timezone"],
    [{ cron: "0 9 * * *", end_at: "2026-03-01T12:01:00Z" }, "invalid_schedule", "end_at"],
    [{ retry: { strategy: "list" } }, "invalid_input", "retry.delays_seconds"],
  ])("is refused for a job that is there as for a new one: %o", async (fields, code, field) => {
    const expected = { code, field, hint: expect.stringMatching(/\w/) };
    await expect(declare(fields)).rejects.toMatchObject(expected);
    const job = await declare({ cron: "0 9 * * *" });
    await expect(declare(fields)).rejects.toMatchObject(expected);
    expect(await get(job)).toEqual(job);
  });

  test("keys cannot be changed", async () => {
    const { id: job_id } = await declare();
    const rename = { job_id, key: "b" } as Input<"update_job">;
    await expect(run("update_job", rename)).rejects.toMatchObject({ code: "invalid_input", field: "key" });
  });
});

describe("a job that runs once", () => {
  test.each<[string, Fields, string]>([
    ["now", {}, start],
    ["after a delay", { when: "in 2h" }, "2026-03-01T14:00:00.000Z"],
    ["at an instant", { run_at: "2026-03-01T14:00:00Z" }, "2026-03-01T14:00:00.000Z"],
  ])("runs once however often it is declared: %s", async (_, fields, at) => {
    const job = await declare(fields);
    await declare(fields);
    expect(await drain(setup.scheduler, clock, at)).toHaveLength(1);
    clock.advance(60_000);
    expect(await declare(fields)).toMatchObject({ id: job.id, state: "completed", next_run_at: null });
    // A change of something else is no reason to run again, nor is a month.
    expect(await declare({ ...fields, body: "new" })).toMatchObject({ state: "completed", body: "new" });
    clock.advance(60 * days);
    for (let step = 0; step < 3; step++) await retain(setup.scheduler.engine, startRetaining());
    expect(await declare(fields)).toMatchObject({ id: job.id, state: "completed" });
    expect(await drain(setup.scheduler, clock)).toEqual([]);
    expect(target.arrivals).toHaveLength(1);
  });

  test("runs again with another timing", async () => {
    const job = await declare({ when: "in 1h" });
    await drain(setup.scheduler, clock, job.next_run_at!);
    expect(await declare({ when: "in 2h" })).toMatchObject({
      id: job.id,
      state: "active",
      next_run_at: "2026-03-01T15:00:00.000Z",
    });
  });

  test("and was rescheduled since is put back on its declared timing", async () => {
    const job = await declare({ when: "in 2h" });
    await run("update_job", { job_id: job.id, when: "in 9h" });
    clock.set(later);
    const back = await declare({ when: "in 2h" });
    expect(back).toMatchObject({ id: job.id, next_run_at: "2026-03-01T14:10:00.000Z" });
    clock.advance(60_000);
    expect(await declare({ when: "in 2h" })).toEqual(back);
  });
});

test("a cron that was rescheduled is put back, one that was renamed keeps its next run", async () => {
  const job = await declare({ every_n_minutes: 60 });
  clock.set(later);
  await run("update_job", { job_id: job.id, name: "b" });
  expect(await declare({ every_n_minutes: 60 })).toEqual({ ...job, updated_at: later });
  await run("update_job", { job_id: job.id, cron: "0 9 * * *" });
  expect(await declare({ every_n_minutes: 60 })).toMatchObject({
    kind: "recurring",
    next_run_at: "2026-03-01T13:10:00.000Z",
  });
});

test("a job whose end has come can still be declared as it was", async () => {
  const bounded = { cron: "0 13 * * *", end_at: "2026-03-01T14:00:00Z" };
  const job = await declare(bounded);
  await drain(setup.scheduler, clock, job.next_run_at!);
  clock.advance(2 * 3_600_000);
  expect(await declare(bounded)).toMatchObject({ id: job.id, state: "completed" });
});

test("a slot that is due is not lost by a new declaration", async () => {
  const job = await declare({ every_n_minutes: 5 });
  clock.advance(6 * 60_000);
  await declare({ every_n_minutes: 5, body: "new" });
  expect((await get(job)).next_run_at).toBe(job.next_run_at);
  await declare({ cron: "0 9 * * *" });
  expect(await drain(setup.scheduler, clock)).toMatchObject([{ scheduled_for: job.next_run_at }]);
});

describe("many at once", () => {
  const many = (...keys: (string | undefined)[]) =>
    run("create_jobs", {
      jobs: keys.map((key, index) => ({ name: `job ${index}`, url: target.url, key, draft: true })),
    });

  test("are created or changed, and answered in their order", async () => {
    const { data: before } = await many("a", undefined, "b");
    expect(before.map(({ key }) => key)).toEqual(["a", null, "b"]);
    const { data: after } = await many("c", "b", undefined, "a");
    expect(after.map(({ key, name }) => `${key} ${name}`)).toEqual([
      "c job 0",
      "b job 1",
      "null job 2",
      "a job 3",
    ]);
    expect([after[3]!.id, after[1]!.id]).toEqual([before[0]!.id, before[2]!.id]);
    expect((await run("list_jobs", {})).data).toHaveLength(5);
  });

  test("do not declare one job twice", async () => {
    await expect(many("a", undefined, "b", "a")).rejects.toMatchObject({
      code: "invalid_input",
      field: "jobs.3.key",
      message: 'Job 3 of the batch: job 0 has the key "a", too.',
    });
    expect((await run("list_jobs", {})).data).toEqual([]);
  });

  test("declared at the same moment, in whatever order, are there once", async () => {
    const keys = Array.from({ length: 20 }, (_, number) => `key-${number}`);
    const rounds = Array.from({ length: 6 }, (_, round) => many(...(round % 2 ? keys.toReversed() : keys)));
    const answers = await Promise.all(rounds);
    const { data } = await run("list_jobs", { limit: 100 });
    expect(data).toHaveLength(20);
    const ids = new Set(data.map(({ id }) => id));
    for (const answer of answers) expect(new Set(answer.data.map(({ id }) => id))).toEqual(ids);
  });
});

test("one that is declared by many at the same moment is created once, and fires once", async () => {
  const declared = await Promise.all(Array.from({ length: 12 }, () => declare()));
  expect(new Set(declared.map(({ id }) => id)).size).toBe(1);
  expect(await countRevisions()).toBe(1);
  await drain(setup.scheduler, clock);
  expect(target.arrivals).toHaveLength(1);
});

describe("a key whose job was deleted", () => {
  const gone = {
    code: "key_deleted",
    field: "key",
    message: expect.stringContaining(
      '"nightly" was deleted or canceled by user:bootstrap at 2026-03-01T12:00',
    ),
    hint: expect.stringContaining('"revive": true'),
  };

  test.each(["delete_job", "cancel_job"] as const)("by %s is not declared again by accident", async (end) => {
    const job = await declare({ cron: "0 9 * * *" });
    await run(end, { job_id: job.id });
    await expect(declare({ cron: "0 9 * * *" })).rejects.toMatchObject(gone);
    await expect(declare({ dry_run: true })).rejects.toMatchObject(gone);
    await expect(
      run("create_jobs", {
        jobs: [
          { name: "a", url: target.url },
          { name: "b", url: target.url, key: "nightly" },
        ],
      }),
    ).rejects.toMatchObject({ code: "key_deleted", field: "jobs.1.key" });
    // The other half knows nothing of it.
    await run("put_job", { key: "nightly", name: "a", url: target.url }, setup.testCaller);
    clock.advance(60 * days);
    for (let step = 0; step < 3; step++) await retain(setup.scheduler.engine, startRetaining());
    await expect(get(job)).rejects.toMatchObject({ code: "not_found" });
    await expect(declare({ cron: "0 9 * * *" })).rejects.toMatchObject(gone);
  });

  test.each(["delete_job", "cancel_job"] as const)("by %s can be revived, as a new job", async (end) => {
    const job = await declare({ cron: "0 9 * * *" });
    await run(end, { job_id: job.id });
    await declare({ revive: true, dry_run: true });
    await expect(declare()).rejects.toMatchObject(gone);
    const revived = await declare({ cron: "0 9 * * *", revive: true });
    expect(revived).toMatchObject({ key: "nightly", state: "active" });
    expect(revived.id).not.toBe(job.id);
    expect(await declare({ cron: "0 9 * * *" })).toEqual(revived);
    expect(await declare({ cron: "0 9 * * *", revive: true })).toEqual(revived);
    if (end === "cancel_job") expect(await get(job)).toMatchObject({ state: "canceled", key: null });
  });

  test("is told of whoever deleted it last", async () => {
    const { id: job_id } = await declare();
    await run("cancel_job", { job_id });
    clock.set("2026-03-01T12:00:59Z");
    await run("delete_job", { job_id });
    await expect(declare()).rejects.toMatchObject({
      message: expect.stringContaining("2026-03-01T12:00:59.000Z"),
    });
  });

  test("is revived by several at once as one job", async () => {
    const { id: job_id } = await declare();
    await run("cancel_job", { job_id });
    const revived = await Promise.all(Array.from({ length: 8 }, () => declare({ revive: true })));
    expect(new Set(revived.map(({ id }) => id)).size).toBe(1);
  });

  test("is the only thing that can be revived", async () => {
    await expect(run("create_job", { name: "a", url: target.url, revive: true })).rejects.toMatchObject({
      code: "invalid_input",
      field: "revive",
    });
  });
});
