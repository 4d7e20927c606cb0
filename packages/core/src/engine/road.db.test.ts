import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Execution, Output } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { type Drained, drain, testClock } from "../testing/index.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run: execute } = testBench({ clock });

function run(at: string): Promise<Drained[]> {
  return drain(setup.scheduler, clock, at);
}

/** The executions of a job, the oldest slot first. */
async function history(jobId: string): Promise<Execution[]> {
  const { data } = await execute("list_executions", { job_id: jobId, limit: 100 });
  return data.toSorted((one, other) => one.scheduled_for.localeCompare(other.scheduled_for));
}

async function only(jobId: string): Promise<Output<"get_execution">> {
  const [execution, ...others] = await history(jobId);
  expect(others).toEqual([]);
  return execute("get_execution", { execution_id: execution!.id });
}

describe("a single slot", () => {
  test("fires at once, is recorded, and completes the job", async () => {
    const job = await execute("create_job", {
      name: "now",
      url: `${target.url}/now?x=1`,
      method: "POST",
      body: "hi",
    });
    expect(job).toMatchObject({ state: "active", kind: "one_time", next_run_at: "2026-03-01T12:00:00.000Z" });
    expect(await run(noon)).toMatchObject([{ job_id: job.id, attempt: 1, status: "succeeded" }]);
    expect(target.arrivals).toMatchObject([{ method: "POST", path: "/now?x=1", body: "hi" }]);
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "completed",
      next_run_at: null,
      last_status: "succeeded",
      last_run_at: "2026-03-01T12:00:00.000Z",
    });
    expect(await only(job.id)).toMatchObject({
      trigger: "schedule",
      status: "succeeded",
      status_code: 200,
      attempt_count: 1,
      error: null,
      attempts: [
        {
          number: 1,
          status: "succeeded",
          status_code: 200,
          started_at: "2026-03-01T12:00:00.000Z",
          response_headers: expect.objectContaining({ "content-type": "text/plain" }) as object,
          response_body: "ok",
          response_truncated: false,
        },
      ],
    });
  });

  test("does not fire before its time, and fires once after it, however late", async () => {
    const job = await execute("create_job", { name: "later", url: target.url, when: "2h" });
    expect(await run("2026-03-01T13:59:59.999Z")).toEqual([]);
    expect(await run("2026-03-04T14:00:00Z")).toMatchObject([
      { job_id: job.id, scheduled_for: "2026-03-01T14:00:00.000Z" },
    ]);
    expect(await run("2026-03-05T14:00:00Z")).toEqual([]);
    expect(target.arrivals).toHaveLength(1);
  });

  test("of a paused or canceled job does not fire", async () => {
    const paused = await execute("create_job", { name: "paused", url: target.url, when: "1h" });
    const canceled = await execute("create_job", { name: "canceled", url: target.url, when: "1h" });
    await execute("pause_job", { job_id: paused.id });
    await execute("cancel_job", { job_id: canceled.id });
    expect(await run("2026-03-01T14:00:00Z")).toEqual([]);
  });

  test("more than one pass can take: all fire", async () => {
    const paths = Array.from({ length: 105 }, (_, number) => `/${number}`);
    await Promise.all(paths.map((path) => execute("create_job", { name: path, url: target.url + path })));
    expect(await run(noon)).toHaveLength(105);
    expect(new Set(target.arrivals.map(({ path }) => path)).size).toBe(105);
  });
});

describe("retries", () => {
  const retry = { max_attempts: 4, base_seconds: 10, factor: 2, jitter: false } as const;

  test("back off, then succeed: every attempt is recorded, and all carry one Idempotency-Key", async () => {
    const answers = [503, 429, 200];
    target.answer((_, response) => void response.writeHead(answers.shift()!).end("said so"));
    const job = await execute("create_job", { name: "flaky", url: target.url, retry });
    expect(await run(noon)).toMatchObject([{ attempt: 1, status: "http_error", next: "retrying" }]);
    expect(await only(job.id)).toMatchObject({
      status: "retrying",
      next_attempt_at: "2026-03-01T12:00:10.000Z",
      error: { code: "status" },
    });
    expect(await run("2026-03-01T12:00:09.999Z")).toEqual([]);
    expect(await run("2026-03-01T12:00:10Z")).toMatchObject([{ attempt: 2, next: "retrying" }]);
    expect(await run("2026-03-01T12:00:29.999Z")).toEqual([]);
    expect(await run("2026-03-01T12:00:30Z")).toMatchObject([{ attempt: 3, next: "succeeded" }]);

    const execution = await only(job.id);
    expect(execution).toMatchObject({
      status: "succeeded",
      attempt_count: 3,
      next_attempt_at: null,
      error: null,
      scheduled_for: "2026-03-01T12:00:00.000Z",
      started_at: "2026-03-01T12:00:00.000Z",
      finished_at: "2026-03-01T12:00:30.000Z",
    });
    expect(execution.attempts).toMatchObject([
      { number: 1, status: "http_error", error_code: "status", status_code: 503, response_body: "said so" },
      { number: 2, status: "http_error", status_code: 429, started_at: "2026-03-01T12:00:10.000Z" },
      { number: 3, status: "succeeded", status_code: 200 },
    ]);
    expect(target.arrivals.map(({ headers }) => headers["idempotency-key"])).toEqual(
      Array(3).fill(execution.id),
    );
    expect(target.arrivals.map(({ headers }) => headers["sched-attempt"])).toEqual(["1", "2", "3"]);
    expect(new Set(target.arrivals.map(({ headers }) => headers["x-cron-service-scheduled-for"]))).toEqual(
      new Set(["2026-03-01T12:00:00.000Z"]),
    );
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "completed",
      consecutive_failures: 0,
    });
  });

  test("end in a dead letter after the last attempt", async () => {
    target.answer(500);
    const job = await execute("create_job", {
      name: "dead",
      url: target.url,
      retry: { ...retry, max_attempts: 3 },
    });
    const seen: Drained[] = [];
    for (const at of ["12:00:00", "12:00:10", "12:00:30", "13:00:00"])
      seen.push(...(await run(`2026-03-01T${at}Z`)));
    expect(seen.map(({ next }) => next)).toEqual(["retrying", "retrying", "failed"]);
    expect(await only(job.id)).toMatchObject({
      status: "failed",
      attempt_count: 3,
      error: { code: "status", message: "The target answered 500." },
    });
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "completed",
      last_status: "failed",
      consecutive_failures: 1,
    });
  });

  test("come for connections that fail, and not for answers that would be the same again", async () => {
    const refused = await execute("create_job", { name: "refused", url: "http://127.0.0.1:1/", retry });
    const blocked = await execute("create_job", { name: "blocked", url: "https://allowed.example/", retry });
    // As where its address was allowed when it was created.
    await sql`update scheduler.revisions set url = 'http://10.0.0.1/' where url = 'https://allowed.example/'`.execute(
      setup.scheduler.engine.database.db,
    );
    const missing = await execute("create_job", { name: "missing", url: `${target.url}/missing`, retry });
    target.answer(404);
    await run(noon);
    expect(await only(refused.id)).toMatchObject({ status: "retrying", error: { code: "refused" } });
    expect(await only(blocked.id)).toMatchObject({ status: "failed", error: { code: "address_blocked" } });
    expect(await only(missing.id)).toMatchObject({ status: "failed", status_code: 404 });
  });

  test("do not hold back the next slot of a job", async () => {
    target.answer(500);
    const job = await execute("create_job", {
      name: "minutely",
      url: target.url,
      cron: "* * * * *",
      retry: { max_attempts: 5, strategy: "fixed", base_seconds: 90, jitter: false },
    });
    await run("2026-03-01T12:01:00Z");
    target.answer(200);
    expect(await run("2026-03-01T12:02:00Z")).toMatchObject([{ scheduled_for: "2026-03-01T12:02:00.000Z" }]);
    expect(await run("2026-03-01T12:02:30Z")).toMatchObject([
      { scheduled_for: "2026-03-01T12:01:00.000Z", attempt: 2 },
    ]);
    expect((await history(job.id)).map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  });
});

describe("answers that a database could refuse", () => {
  test("do not keep themselves, or any other outcome, from being settled", async () => {
    target.answer(({ path }, response) => {
      if (path === "/poison")
        response
          .writeHead(200, { "x-latin": "caf\u00e9", "content-type": "text/plain; charset=utf-8" })
          .end(Buffer.from([0x61, 0, 0xed, 0xa0, 0x80, 0xff]));
      else response.end("plain");
    });
    const poison = await execute("create_job", { name: "poison", url: `${target.url}/poison` });
    const plain = await execute("create_job", { name: "plain", url: `${target.url}/plain` });
    expect(await run(noon)).toHaveLength(2);
    expect((await only(plain.id)).attempts).toMatchObject([{ response_body: "plain" }]);
    expect((await only(poison.id)).attempts).toMatchObject([
      {
        response_headers: expect.objectContaining({ "x-latin": "café" }) as object,
        response_body: "a\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD",
      },
    ]);
  });

  test("and are as large as they may be: a batch of full bodies goes in", async () => {
    // Each of these bytes takes six in JSON.
    target.answer((_, response) => void response.end(Buffer.alloc(100_000, 1)));
    for (let number = 0; number < 20; number++)
      await execute("create_job", { name: `big ${number}`, url: target.url });
    const drained = await run(noon);
    expect(drained).toHaveLength(20);
    const { attempts } = await execute("get_execution", { execution_id: drained[0]!.execution_id });
    expect(attempts).toMatchObject([
      { status: "succeeded", response_truncated: true, response_body: "\u0001".repeat(65_536) },
    ]);
  });
});

describe("cron", () => {
  test("follows the wall clock of its zone, over a clock change too", async () => {
    clock.set("2026-03-27T12:00:00Z");
    const job = await execute("create_job", {
      name: "nine in Berlin",
      url: target.url,
      cron: "0 9 * * *",
      timezone: "Europe/Berlin",
    });
    expect(job.next_run_at).toBe("2026-03-28T08:00:00.000Z");
    const slots: string[] = [];
    for (const at of [
      "28T08:00:00",
      "28T20:00:00",
      "29T07:00:00",
      "29T08:00:00",
      "30T07:00:00",
      "31T06:59:59",
    ])
      for (const { scheduled_for } of await run(`2026-03-${at}Z`)) slots.push(scheduled_for);
    expect(slots).toEqual([
      "2026-03-28T08:00:00.000Z",
      "2026-03-29T07:00:00.000Z",
      "2026-03-30T07:00:00.000Z",
    ]);
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "active",
      next_run_at: "2026-03-31T07:00:00.000Z",
    });
  });

  test("fires every slot once when a planner looks often", async () => {
    const job = await execute("create_job", { name: "minutely", url: target.url, cron: "* * * * *" });
    const drained: Drained[] = [];
    for (let seconds = 0; seconds <= 300; seconds += 20) {
      drained.push(...(await drain(setup.scheduler, clock, Date.parse(noon) + seconds * 1000)));
    }
    expect(drained.map(({ scheduled_for }) => scheduled_for)).toEqual(
      [1, 2, 3, 4, 5].map((minute) => `2026-03-01T12:0${minute}:00.000Z`),
    );
    expect(await history(job.id)).toHaveLength(5);
  });
});

describe("recurring", () => {
  test("does not drift, however late each slot is planned", async () => {
    await execute("create_job", { name: "ten", url: target.url, every_n_minutes: 10 });
    const slots: string[] = [];
    for (const at of ["12:10:03", "12:27:00", "12:39:59", "12:40:00", "12:50:30"])
      for (const { scheduled_for } of await run(`2026-03-01T${at}Z`)) slots.push(scheduled_for.slice(11, 16));
    expect(slots).toEqual(["12:10", "12:20", "12:30", "12:40", "12:50"]);
  });
});

describe("slots that passed while nobody planned", () => {
  test("three hours of them are one run of the latest, and one row that says what was missed", async () => {
    const job = await execute("create_job", { name: "quarterly", url: target.url, cron: "*/15 * * * *" });
    expect(await run("2026-03-01T15:01:00Z")).toMatchObject([{ scheduled_for: "2026-03-01T15:00:00.000Z" }]);
    expect(await history(job.id)).toMatchObject([
      {
        status: "skipped",
        reason: "missed",
        scheduled_for: "2026-03-01T12:15:00.000Z",
        error: { message: "11 slots passed while no worker was planning; only the latest is made up for." },
        attempt_count: 0,
      },
      { status: "succeeded", scheduled_for: "2026-03-01T15:00:00.000Z" },
    ]);
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      next_run_at: "2026-03-01T15:15:00.000Z",
    });
    expect(target.arrivals).toHaveLength(1);
  });

  test("a single missed one is no row: it is the one that is made up for", async () => {
    const job = await execute("create_job", { name: "hourly", url: target.url, cron: "0 * * * *" });
    await run("2026-03-01T13:59:00Z");
    expect(await history(job.id)).toMatchObject([
      { status: "succeeded", scheduled_for: "2026-03-01T13:00:00.000Z" },
    ]);
  });

  test("older than a day are not made up for at all", async () => {
    const job = await execute("create_job", { name: "weekly", url: target.url, cron: "0 0 * * 1,2" });
    expect(await run("2026-03-05T12:00:00Z")).toEqual([]);
    expect(await history(job.id)).toMatchObject([
      { status: "skipped", reason: "missed", scheduled_for: "2026-03-02T00:00:00.000Z" },
    ]);
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "active",
      next_run_at: "2026-03-09T00:00:00.000Z",
    });
  });

  test("of many jobs make no stampede: one run each", async () => {
    for (let number = 0; number < 20; number++)
      await execute("create_job", { name: `job ${number}`, url: target.url, every_n_minutes: 1 });
    expect(await run("2026-03-01T15:00:00Z")).toHaveLength(20);
    expect(target.arrivals).toHaveLength(20);
  });
});

describe("the end of a schedule", () => {
  test("max_runs completes the job once its last run is over", async () => {
    const job = await execute("create_job", {
      name: "twice",
      url: target.url,
      cron: "* * * * *",
      max_runs: 2,
    });
    await run("2026-03-01T12:01:00Z");
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "active",
      next_runs: ["2026-03-01T12:02:00.000Z"],
    });
    target.answer(500);
    await run("2026-03-01T12:02:00Z");
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "active",
      next_run_at: null,
    });
    target.answer(200);
    await run("2026-03-01T12:30:00Z");
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "completed",
      next_run_at: null,
    });
    expect(await run("2026-03-01T13:00:00Z")).toEqual([]);
    expect((await history(job.id)).map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  });

  test("missed slots do not count towards max_runs", async () => {
    const job = await execute("create_job", {
      name: "twice",
      url: target.url,
      cron: "* * * * *",
      max_runs: 2,
    });
    await run("2026-03-01T12:10:30Z");
    await run("2026-03-01T12:11:00Z");
    expect((await history(job.id)).map(({ status }) => status)).toEqual([
      "skipped",
      "succeeded",
      "succeeded",
    ]);
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({ state: "completed" });
  });

  test("end_at completes the job after its last slot, even when that is planned late", async () => {
    const job = await execute("create_job", {
      name: "bounded",
      url: target.url,
      every_n_minutes: 10,
      end_at: "2026-03-01T12:25:00Z",
    });
    await run("2026-03-01T12:10:00Z");
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({ state: "active" });
    expect(await run("2026-03-01T15:00:00Z")).toMatchObject([{ scheduled_for: "2026-03-01T12:20:00.000Z" }]);
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "completed",
      next_run_at: null,
    });
  });
});

describe("run_job", () => {
  test("fires now and leaves the schedule as it is", async () => {
    const job = await execute("create_job", { name: "hourly", url: target.url, cron: "0 * * * *" });
    const started = await execute("run_job", { job_id: job.id });
    expect(started).toMatchObject({ trigger: "manual", status: "pending" });
    expect(await run(noon)).toMatchObject([{ execution_id: started.id, next: "succeeded" }]);
    expect(await execute("get_job", { job_id: job.id })).toMatchObject({
      state: "active",
      next_run_at: "2026-03-01T13:00:00.000Z",
      last_status: "succeeded",
    });
    expect(await run("2026-03-01T13:00:00Z")).toHaveLength(1);
  });
});

test("the two modes of a workspace fire side by side and see nothing of each other", async () => {
  const live = await execute("create_job", { name: "live", url: `${target.url}/live` });
  const inTest = await setup.scheduler.execute(
    "create_job",
    { name: "test", url: `${target.url}/test` },
    setup.testCaller,
  );
  expect(await run(noon)).toHaveLength(2);
  expect(await history(live.id)).toHaveLength(1);
  await expect(history(inTest.id)).rejects.toMatchObject({ code: "not_found" });
});
