import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { Input, Job, Output } from "@org/scheduler-contract";
import { plan } from "../engine/plan.ts";
import { testBench } from "../testing/bench.ts";
import { drain, noRoom, roomFor, testClock } from "../testing/index.ts";

const start = "2026-03-01T12:00:00.000Z";
const clock = testClock(start);
const { setup, target, run, create } = testBench({ clock });

async function names(filter: Input<"list_jobs">): Promise<string[]> {
  return (await run("list_jobs", filter)).data.map(({ name }) => name);
}

async function countRows(): Promise<Record<string, number>> {
  const { rows } = await sql<Record<string, number>>`
    select (select count(*)::integer from scheduler.jobs) as jobs,
      (select count(*)::integer from scheduler.revisions) as revisions,
      (select count(*)::integer from scheduler.executions) as executions,
      (select count(*)::integer from scheduler.audit) as audit`.execute(setup.scheduler.engine.database.db);
  return rows[0]!;
}

describe("create_job", () => {
  test("stores everything that was said, and answers it", async () => {
    const said = {
      name: "report",
      description: "every night",
      url: "https://api.example.com/x?y=1",
      method: "PUT",
      headers: { "X-Source": "test" },
      body: '{"text":true}',
      cron: "30 2 * * *",
      timezone: "Europe/Berlin",
      start_at: "2026-03-28T00:00:00.000Z",
      end_at: "2027-01-01T00:00:00.000Z",
      max_runs: 3,
      timeout_seconds: 9,
      success_statuses: [200, "3xx"],
      metadata: { team: "ops", ["é.%_"]: "" },
    } satisfies Input<"create_job">;
    const job = await create(said);
    expect(job).toMatchObject({
      ...said,
      state: "active",
      kind: "cron",
      // The night of the 29th has no 02:30.
      next_runs: ["2026-03-28T01:30:00.000Z", "2026-03-29T01:30:00.000Z", "2026-03-30T00:30:00.000Z"],
      next_run_at: "2026-03-28T01:30:00.000Z",
      created_by: "user:bootstrap",
      created_at: start,
      updated_at: start,
    });
    expect(await run("get_job", { job_id: job.id })).toEqual(job);
  });

  test.each<[string, Partial<Input<"create_job">>, Partial<Job>]>([
    ["nothing", {}, { kind: "one_time", next_run_at: start }],
    ["a delay", { when: "in 90s" }, { kind: "scheduled", next_run_at: "2026-03-01T12:01:30.000Z" }],
    [
      "an instant",
      { run_at: "2026-03-01T14:00:00+01:00" },
      { kind: "scheduled", run_at: "2026-03-01T13:00:00.000Z" },
    ],
    [
      "a wall clock",
      { when: "2026-03-02 14:00", timezone: "Asia/Tokyo", kind: "one_time" },
      { kind: "scheduled", next_run_at: "2026-03-02T05:00:00.000Z" },
    ],
    [
      "a cron",
      { when: "*/5 * * * *" },
      { kind: "cron", cron: "*/5 * * * *", next_run_at: "2026-03-01T12:05:00.000Z" },
    ],
    ["an interval", { every_n_minutes: 7 }, { kind: "recurring", next_run_at: "2026-03-01T12:07:00.000Z" }],
    [
      "a start",
      { every_n_minutes: 7, start_at: "2026-03-02T00:00:00Z" },
      { next_run_at: "2026-03-02T00:00:00.000Z" },
    ],
  ])("takes %s as its timing", async (_, fields, job) => {
    expect(await create(fields)).toMatchObject({ state: "active", ...job });
  });

  test("says that a body is JSON where the caller does not say what it is", async () => {
    expect(await create({ body: { a: [1] } })).toMatchObject({
      body: '{"a":[1]}',
      headers: { "Content-Type": "application/json" },
    });
    const own = { "content-type": "application/vnd.api+json" };
    expect(await create({ body: [], headers: own })).toMatchObject({ body: "[]", headers: own });
  });

  test("fills in the rest of a retry policy without cutting what was asked for", async () => {
    expect((await create({ retry: { max_attempts: 2 } })).retry).toMatchObject({
      max_attempts: 2,
      base_seconds: 5,
    });
    expect((await create({ retry: { delays_seconds: [60, 10_800] } })).retry).toMatchObject({
      strategy: "list",
      delays_seconds: [60, 10_800],
      max_seconds: 10_800,
    });
    expect((await create({ retry: { strategy: "fixed", base_seconds: 7_200 } })).retry.max_seconds).toBe(
      7_200,
    );
    expect((await create({ retry: { base_seconds: 7_200, max_seconds: 60 } })).retry.max_seconds).toBe(60);
  });

  test.each<[Record<string, unknown>, string, string]>([
    [{ name: " " }, "invalid_input", "name"],
    [{ url: "ftp://a.example" }, "invalid_input", "url"],
    [{ method: "TRACE" }, "invalid_input", "method"],
    [{ headers: { Host: "b" } }, "invalid_input", "headers.Host"],
    [{ body: "x".repeat(262_145) }, "invalid_input", "body"],
    [{ timeout_seconds: 0 }, "invalid_input", "timeout_seconds"],
    [{ metadata: { a: "\0" } }, "invalid_input", "metadata.a"],
    [{ colour: "red" }, "invalid_input", "colour"],
    [{ retry: { strategy: "list" } }, "invalid_input", "retry.delays_seconds"],
    [{ retry: { strategy: "fixed", delays_seconds: [1] } }, "invalid_input", "retry.delays_seconds"],
    [{ cron: "* * * * * *" }, "invalid_schedule", "cron"],
    [{ cron: "0 0 31 2 *" }, "invalid_schedule", "cron"],
    [{ when: "PT2H" }, "invalid_schedule", "when"],
    [{ run_at: "2026-03-01T12:00:00Z" }, "invalid_schedule", "run_at"],
    [{ timezone: "Mars/Olympus" }, "invalid_schedule", "timezone"],
    [{ cron: "0 9 * * *", every_n_minutes: 5 }, "invalid_schedule", "every_n_minutes"],
    [{ cron: "0 9 * * *", kind: "recurring" }, "invalid_schedule", "kind"],
    [{ kind: "scheduled" }, "invalid_schedule", "kind"],
    [{ cron: "0 9 * * *", end_at: "2026-03-01T11:00:00Z" }, "invalid_schedule", "end_at"],
    [{ cron: "0 9 * * *", end_at: "2026-03-02T08:59:00Z" }, "invalid_schedule", "end_at"],
    [
      { start_at: "2026-03-02T00:00:00Z", end_at: "2026-03-01T23:00:00Z", cron: "* * * * *" },
      "invalid_schedule",
      "end_at",
    ],
    [{ when: "1h", start_at: "2026-03-02T00:00:00Z" }, "invalid_schedule", "start_at"],
  ])("refuses %o, says why and writes nothing", async (fields, code, field) => {
    await expect(create(fields as Partial<Input<"create_job">>)).rejects.toMatchObject({
      code,
      field,
      hint: expect.stringMatching(/\w/),
    });
    expect(await countRows()).toEqual({ jobs: 0, revisions: 0, executions: 0, audit: 0 });
  });
});

describe("list_jobs", () => {
  test("filters by state, kind and labels, all at once", async () => {
    await create({ name: "a", every_n_minutes: 5, metadata: { team: "ops", env: "prod" } });
    await create({ name: "b", every_n_minutes: 5, metadata: { team: "ops", env: "dev" } });
    const paused = await create({ name: "c", cron: "* * * * *", metadata: { team: "ops", env: "prod" } });
    await run("pause_job", { job_id: paused.id });
    expect((await names({ metadata: { team: "ops" } })).toSorted()).toEqual(["a", "b", "c"]);
    expect((await names({ metadata: { team: "ops", env: "prod" } })).toSorted()).toEqual(["a", "c"]);
    expect(await names({ metadata: { team: "ops", env: "prod" }, state: "active" })).toEqual(["a"]);
    expect(await names({ kind: "cron" })).toEqual(["c"]);
    expect(await names({ metadata: { team: "op" } })).toEqual([]);
  });

  test("has a job that runs once among the active ones until its run is over", async () => {
    const armed = await create({ name: "armed", when: "1h" });
    clock.advance(1);
    const started = await create({ name: "started" });
    clock.advance(1);
    const newest = await create({ name: "newest", when: "1h" });
    const { engine } = setup.scheduler;
    const { started: executions } = await plan(engine, { ...noRoom, admission: roomFor(1) });
    expect(executions).toHaveLength(1);
    expect(await run("get_job", { job_id: started.id })).toMatchObject({
      state: "active",
      next_run_at: null,
    });
    expect(await names({ state: "active" })).toEqual(["newest", "started", "armed"]);
    const page = await run("list_jobs", { state: "active", limit: 2 });
    expect(page.data.map(({ id }) => id)).toEqual([newest.id, started.id]);
    const next = await run("list_jobs", { state: "active", limit: 2, cursor: page.next_cursor! });
    expect(next).toMatchObject({ data: [{ id: armed.id }], next_cursor: null });
  });

  test("searches name and URL for the very characters", async () => {
    await create({ name: "100% done" });
    await create({ name: "1000 done" });
    await create({ name: "snake_case" });
    await create({ name: "snakeXcase" });
    await create({ name: "back\\slash", url: "https://a.example/Needle_%25" });
    expect(await names({ search: "0%" })).toEqual(["100% done"]);
    expect(await names({ search: "E_C" })).toEqual(["snake_case"]);
    expect(await names({ search: "k\\s" })).toEqual(["back\\slash"]);
    expect(await names({ search: "needle_%" })).toEqual(["back\\slash"]);
    expect(await names({ search: "%" })).toHaveLength(2);
  });

  test("pages newest first, each job once, whatever is created meanwhile", async () => {
    const made: string[] = [];
    for (let index = 0; index < 7; index++) {
      // Some share their millisecond.
      if (index % 3 === 0) clock.advance(1);
      made.push((await create({ name: `job ${index}` })).id);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Output<"list_jobs"> = await run("list_jobs", { limit: 3, ...(cursor && { cursor }) });
      seen.push(...page.data.map(({ id }) => id));
      expect(page.has_more).toBe(page.next_cursor !== null);
      cursor = page.next_cursor;
      clock.advance(1);
      await create({ name: "late" });
    } while (cursor !== null);
    expect(seen).toEqual(made.toSorted().toReversed());
    expect(await run("list_jobs", { limit: 10 })).toMatchObject({ has_more: false, next_cursor: null });
  });

  test.each(["nonsense", "exec_01h455vb4pex5vsknk084sn02q", "job_01h455vb4pex5vsknk084sn02"])(
    "refuses the cursor %s",
    async (cursor) => {
      await expect(run("list_jobs", { cursor })).rejects.toMatchObject({
        code: "invalid_cursor",
        field: "cursor",
      });
    },
  );
});

describe("the life of a job", () => {
  test("pause holds it back, resume goes on from now", async () => {
    const { id: job_id } = await create({ every_n_minutes: 10 });
    expect(await run("pause_job", { job_id })).toMatchObject({
      state: "paused",
      next_run_at: null,
      next_runs: [],
    });
    expect(await run("pause_job", { job_id })).toMatchObject({ state: "paused" });
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:55:00Z")).toEqual([]);
    const resumed = await run("resume_job", { job_id });
    expect(resumed).toMatchObject({ state: "active", next_run_at: "2026-03-01T13:00:00.000Z" });
    clock.advance(60_000);
    expect(await run("resume_job", { job_id })).toEqual(resumed);
    expect(await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z")).toHaveLength(1);
    expect((await run("list_executions", { job_id })).data).toHaveLength(1);
  });

  test("what passed while it was paused is for the caller to decide", async () => {
    const { id: job_id } = await create({ when: "1h" });
    await run("pause_job", { job_id });
    clock.advance(2 * 3_600_000);
    await expect(run("resume_job", { job_id })).rejects.toMatchObject({
      code: "conflict",
      message: "Its time, 2026-03-01T13:00:00.000Z, passed while it was paused.",
      hint: expect.stringContaining("update_job"),
    });
    await run("update_job", { job_id, when: "5m" });
    expect(await run("resume_job", { job_id })).toMatchObject({ next_run_at: "2026-03-01T14:05:00.000Z" });
  });

  test("its last run completes it, and then it can neither be paused nor resumed", async () => {
    const { id: job_id } = await create({ cron: "* * * * *", max_runs: 2 });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z");
    expect(await run("get_job", { job_id })).toMatchObject({
      state: "active",
      next_runs: ["2026-03-01T12:02:00.000Z"],
    });
    await drain(setup.scheduler, clock, "2026-03-01T12:02:00Z");
    expect(await run("get_job", { job_id })).toMatchObject({
      state: "completed",
      next_run_at: null,
      next_runs: [],
    });
    for (const name of ["pause_job", "resume_job"] as const) {
      await expect(run(name, { job_id })).rejects.toMatchObject({
        code: "conflict",
        message: expect.stringContaining("The job is completed"),
        hint: expect.stringMatching(/\w/),
      });
    }
  });

  test("cancel ends it for good, with what had not started", async () => {
    target.answer(500);
    const { id: job_id } = await create({ cron: "* * * * *" });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z");
    await run("run_job", { job_id });
    expect(await run("cancel_job", { job_id })).toMatchObject({ state: "canceled", next_run_at: null });
    expect(await run("cancel_job", { job_id })).toMatchObject({ state: "canceled" });
    const { data } = await run("list_executions", { job_id });
    expect(data.map(({ status, reason }) => ({ status, reason }))).toEqual([
      { status: "canceled", reason: "job_canceled" },
      { status: "canceled", reason: "job_canceled" },
    ]);
    expect(await drain(setup.scheduler, clock, "2026-03-02T12:00:00Z")).toEqual([]);
    for (const name of ["pause_job", "resume_job", "run_job"] as const)
      await expect(run(name, { job_id })).rejects.toMatchObject({ code: "conflict" });
    await expect(run("resume_job", { job_id })).rejects.toMatchObject({
      hint: expect.stringContaining("create_job"),
    });
    await expect(run("update_job", { job_id, when: "1h" })).rejects.toMatchObject({ code: "conflict" });
    expect(await run("update_job", { job_id, name: "was it" })).toMatchObject({
      name: "was it",
      state: "canceled",
    });
  });

  test("delete takes it away, and leaves its history", async () => {
    const { id: job_id } = await create({ cron: "* * * * *" });
    await drain(setup.scheduler, clock, "2026-03-01T12:01:00Z");
    clock.advance(1);
    const waiting = await run("run_job", { job_id });
    expect(await run("delete_job", { job_id })).toMatchObject({ deleted: true, id: job_id });
    expect((await run("list_jobs", {})).data).toEqual([]);
    for (const name of ["get_job", "update_job", "pause_job", "run_job", "explain_job"] as const)
      await expect(run(name, { job_id })).rejects.toMatchObject({
        code: "not_found",
        field: "job_id",
        message: `The job ${job_id} ("a job") was deleted at 2026-03-01T12:01:00.001Z by user:bootstrap.`,
        hint: expect.stringContaining(`list_executions {"job_id": "${job_id}"}`) as string,
      });
    expect(await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z")).toEqual([]);
    expect((await run("list_executions", { job_id })).data).toMatchObject([
      { id: waiting.id, status: "canceled", reason: "job_deleted" },
      { trigger: "schedule", status: "succeeded" },
    ]);
  });

  test("deleted while its request is under way, that request is still recorded", async () => {
    const { id: job_id } = await create({ every_n_minutes: 5 });
    target.answer(async (_, response) => {
      await run("delete_job", { job_id });
      response.end("done");
    });
    const [fired] = await drain(setup.scheduler, clock, "2026-03-01T12:05:00Z");
    expect(await run("get_execution", { execution_id: fired!.execution_id })).toMatchObject({
      status: "succeeded",
      attempts: [{ status: "succeeded", response_body: "done" }],
    });
    expect(await drain(setup.scheduler, clock, "2026-03-01T13:00:00Z")).toEqual([]);
  });

  test("run fires at once and leaves the schedule alone, even of a paused job", async () => {
    const job = await create({ when: "1h" });
    const { id: job_id } = await run("pause_job", { job_id: job.id });
    expect(await run("run_job", { job_id })).toMatchObject({ job_id, trigger: "manual", status: "pending" });
    expect(await drain(setup.scheduler, clock)).toMatchObject([{ job_id, next: "succeeded" }]);
    expect(await run("get_job", { job_id })).toMatchObject({ state: "paused", last_status: "succeeded" });
    expect(await run("resume_job", { job_id })).toMatchObject({ next_run_at: "2026-03-01T13:00:00.000Z" });
  });
});

describe("preview_schedule", () => {
  test("looks from any instant as if it were now, and writes nothing", async () => {
    expect(
      await run("preview_schedule", {
        cron: "30 2 * * *",
        timezone: "Europe/Berlin",
        from: "2020-03-28T00:00:00Z",
        end_at: "2020-03-31T00:00:00Z",
      }),
    ).toMatchObject({
      kind: "cron",
      next_runs: ["2020-03-28T01:30:00.000Z", "2020-03-29T01:30:00.000Z", "2020-03-30T00:30:00.000Z"],
    });
    const once = await run("preview_schedule", { when: "2h", from: "2030-01-01T00:00:00Z" });
    expect(once.next_runs).toEqual(["2030-01-01T02:00:00.000Z"]);
    expect((await run("preview_schedule", {})).next_runs).toEqual([start]);
    expect((await run("preview_schedule", { every_n_minutes: 5, max_runs: 2 })).next_runs).toHaveLength(2);
    expect((await run("preview_schedule", { cron: "* * * * *", count: 100 })).local_runs).toHaveLength(100);
    expect(await countRows()).toMatchObject({ jobs: 0, executions: 0 });
  });

  test("shows what a job made of the same timing has", async () => {
    const timing = { cron: "15 3 * * 1-5", timezone: "America/New_York", start_at: "2026-03-06T00:00:00Z" };
    const { next_runs } = await run("preview_schedule", timing);
    expect((await create(timing)).next_runs).toEqual(next_runs);
  });
});

describe("at the same time", () => {
  test("many updates of one job all come through", async () => {
    const { id: job_id } = await create({ when: "1h" });
    const changes: Omit<Input<"update_job">, "job_id">[] = [
      { url: `${target.url}/new` },
      { headers: { "X-A": "1" } },
      { timeout_seconds: 7 },
      { method: "POST" },
      { name: "b" },
      { max_runs: 5 },
    ];
    await Promise.all(changes.map((change) => run("update_job", { job_id, ...change })));
    expect(await run("get_job", { job_id })).toMatchObject(Object.assign({}, ...changes) as object);
  });

  test("of running and deleting a job nothing is left to fire", async () => {
    for (let round = 0; round < 10; round++) {
      const { id: job_id } = await create({ when: "1h" });
      await Promise.allSettled([
        run("run_job", { job_id }),
        run("delete_job", { job_id }),
        run("run_job", { job_id }),
      ]);
      const { data } = await run("list_executions", { job_id });
      expect(data.filter(({ status }) => status !== "canceled")).toEqual([]);
    }
  });

  test("planning, updating and pausing never double a slot or lose the job", async () => {
    const { engine } = setup.scheduler;
    const { id: job_id } = await create({ cron: "* * * * *" });
    for (let minute = 1; minute <= 10; minute++) {
      clock.set(Date.parse(start) + minute * 60_000);
      await Promise.all([
        plan(engine, noRoom),
        run("update_job", { job_id, max_runs: 1000 + minute }),
        run("update_job", { job_id, cron: minute % 2 ? "*/1 * * * *" : "* * * * *" }),
        plan(engine, noRoom),
      ]);
    }
    await plan(engine, noRoom);
    const { data } = await run("list_executions", { job_id, limit: 100 });
    // Nobody had room, but each update gave the slot that it moved on from its execution.
    expect(data.map(({ scheduled_for }) => scheduled_for.slice(11, 16)).toSorted()).toEqual(
      Array.from({ length: 10 }, (_, index) => `12:${String(index + 1).padStart(2, "0")}`),
    );
    expect(await run("get_job", { job_id })).toMatchObject({
      state: "active",
      next_run_at: "2026-03-01T12:11:00.000Z",
      max_runs: 1010,
    });
  });
});

describe("a page of heavy jobs", () => {
  const body = "x".repeat(250_000);

  async function walk(filter: Partial<Input<"list_jobs">>): Promise<{ pages: number; names: string[] }> {
    const names: string[] = [];
    let pages = 0;
    let cursor: string | undefined;
    do {
      const page: Output<"list_jobs"> = await run("list_jobs", {
        limit: 100,
        ...filter,
        ...(cursor && { cursor }),
      });
      expect(JSON.stringify(page).length).toBeLessThan(3_000_000);
      expect(page.has_more).toBe(page.next_cursor !== null);
      names.push(...page.data.map(({ name }) => name));
      cursor = page.next_cursor ?? undefined;
      pages++;
    } while (cursor !== undefined);
    return { pages, names };
  }

  test.each([{}, { state: "active" as const }, { kind: "cron" as const }])(
    "ends before its limit, and its cursor leads on to the rest: %o",
    async (filter) => {
      const expected: string[] = [];
      for (let number = 0; number < 40; number++) {
        const name = `job ${number}`;
        const heavy = number % 2 === 0 ? { method: "POST" as const, body } : {};
        await run("create_job", { name, url: "https://a.example", cron: "0 0 1 1 *", ...heavy });
        expected.unshift(name);
      }
      const { pages, names } = await walk(filter);
      expect(names.toSorted()).toEqual(expected.toSorted());
      expect(pages).toBe(3);
    },
  );
});
