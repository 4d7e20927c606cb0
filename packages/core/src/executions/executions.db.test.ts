import { describe, expect, test } from "vitest";
import type { Execution, Input, Job, Output } from "@org/scheduler-contract";
import { plan } from "../engine/plan.ts";
import { fromPublicId } from "../ids.ts";
import { otherProcess, testBench } from "../testing/bench.ts";
import { drain, noRoom, testClock } from "../testing/index.ts";
import { untilOver } from "./until-over.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run, create } = testBench({ clock, job: { when: "1h" } });
const elsewhere = otherProcess(setup, clock);

/** A manual run of a job, carried through as far as it goes at once. */
async function fire({ id: job_id }: Job): Promise<Execution> {
  const { id } = await run("run_job", { job_id });
  await drain(setup.scheduler, clock);
  return get(id);
}

function get(execution_id: string): Promise<Output<"get_execution">> {
  return run("get_execution", { execution_id });
}

async function ids(filter: Input<"list_executions">): Promise<string[]> {
  return (await run("list_executions", filter)).data.map(({ id }) => id);
}

describe("list_executions", () => {
  test("filters by job, status, trigger and time, all at once", async () => {
    const [one, other] = [await create(), await create({ url: `${target.url}/other` })];
    target.answer(({ path }, response) => void response.writeHead(path === "/other" ? 404 : 200).end());
    const made: Execution[] = [];
    for (const job of [one, other, one]) {
      clock.advance(1000);
      made.push(await fire(job));
    }
    clock.advance(1000);
    const { id: replayed } = await run("replay_execution", { execution_id: made[0]!.id });
    const [first, second, third] = made.map(({ id }) => id);
    expect(await ids({})).toEqual([replayed, third, second, first]);
    expect(await ids({ job_id: one.id })).toEqual([replayed, third, first]);
    expect(await ids({ status: "failed" })).toEqual([second]);
    expect(await ids({ status: "succeeded", job_id: one.id })).toEqual([third, first]);
    expect(await ids({ trigger: "replay" })).toEqual([replayed]);
    expect(await ids({ from: "2026-03-01T12:00:02Z" })).toEqual([replayed, third, second]);
    expect(await ids({ from: "2026-03-01T12:00:02Z", to: "2026-03-01T12:00:03Z" })).toEqual([second]);
    expect(await ids({ to: "2026-03-01T14:00:02.001+02:00" })).toEqual([second, first]);
    expect(
      await ids({ from: "1970-01-01T00:00:00Z", to: "9999-01-01T00:00:00Z", trigger: "manual" }),
    ).toHaveLength(3);
    expect(await ids({ status: "running" })).toEqual([]);
  });

  test("pages through a stretch of time, each execution once, whatever fires meanwhile", async () => {
    const job = await create();
    const made: string[] = [];
    for (let index = 0; index < 7; index++) {
      if (index % 3 === 0) clock.advance(1);
      made.push((await run("run_job", { job_id: job.id })).id);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      clock.advance(1);
      await run("run_job", { job_id: job.id });
      const filter = { job_id: job.id, limit: 3, to: "2026-03-01T12:00:00.004Z" };
      const page: Output<"list_executions"> = await run("list_executions", {
        ...filter,
        ...(cursor && { cursor }),
      });
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toEqual(made.toSorted().toReversed());
  });

  test.each(["job_01h455vb4pex5vsknk084sn02q", "exec_01h455vb4pex5vsknk084sn02q", "7"])(
    "does not take %s for a job without executions",
    async (job_id) => {
      await expect(run("list_executions", { job_id })).rejects.toMatchObject({
        code: "not_found",
        field: "job_id",
      });
    },
  );
});

describe("get_execution", () => {
  test("shows every attempt and what became of it", async () => {
    const job = await create({
      retry: { strategy: "fixed", base_seconds: 5, jitter: false, max_attempts: 2 },
    });
    target.answer((_, response) => void response.writeHead(503, { "x-why": "busy" }).end("later"));
    const { id } = await fire(job);
    expect(await get(id)).toMatchObject({
      job_id: job.id,
      trigger: "manual",
      status: "retrying",
      attempt_count: 1,
      max_attempts: 2,
      next_attempt_at: "2026-03-01T12:00:05.000Z",
      finished_at: null,
      error: { code: "status", message: "The target answered 503." },
    });
    target.answer(200);
    await drain(setup.scheduler, clock, "2026-03-01T12:00:05Z");
    expect(await get(id)).toMatchObject({
      status: "succeeded",
      status_code: 200,
      started_at: "2026-03-01T12:00:00.000Z",
      finished_at: "2026-03-01T12:00:05.000Z",
      duration_ms: 5000,
      next_attempt_at: null,
      error: null,
      attempts: [
        {
          number: 1,
          status: "http_error",
          error_code: "status",
          status_code: 503,
          response_body: "later",
          response_headers: { "x-why": "busy" },
        },
        { number: 2, status: "succeeded", error_code: null, status_code: 200, response_body: "ok" },
      ],
    });
  });
});

describe("wait_for_execution", () => {
  test("waits for the newest execution of a job, or for the first to come", async () => {
    const job = await create({ when: "1h" });
    const waiting = run("wait_for_execution", { job_id: job.id, wait_seconds: 20 });
    const { id } = await run("run_job", { job_id: job.id });
    await run("cancel_execution", { execution_id: id });
    expect(await waiting).toMatchObject({ id, status: "canceled" });
    clock.advance(1000);
    const later = await run("run_job", { job_id: job.id });
    expect(await run("wait_for_execution", { job_id: job.id, wait_seconds: 1 })).toMatchObject({
      id: later.id,
      status: "pending",
    });
  });

  test("wants one of the two, and says where a job has had none", async () => {
    const job = await create({ when: "1h" });
    await expect(run("wait_for_execution", {})).rejects.toMatchObject({ code: "invalid_input" });
    await expect(run("wait_for_execution", { job_id: job.id, wait_seconds: 1 })).rejects.toMatchObject({
      code: "conflict",
      field: "job_id",
      hint: expect.stringContaining("explain_job") as string,
    });
  });

  test("answers when it is over, at once if it is already", async () => {
    const job = await create();
    const { id: execution_id } = await run("run_job", { job_id: job.id });
    const waiting = run("wait_for_execution", { execution_id, wait_seconds: 10 });
    await drain(setup.scheduler, clock);
    expect(await waiting).toMatchObject({ id: execution_id, status: "succeeded", attempts: [{ number: 1 }] });
    expect(await run("wait_for_execution", { execution_id })).toEqual(await waiting);
  });

  test("answers with where it stands when the time is up", async () => {
    const job = await create();
    const { id: execution_id } = await run("run_job", { job_id: job.id });
    const begun = performance.now();
    expect(await run("wait_for_execution", { execution_id, wait_seconds: 1 })).toMatchObject({
      status: "pending",
      attempts: [],
    });
    expect(performance.now() - begun).toBeGreaterThan(990);
  });

  test("answers with where it stands once nobody waits for it any more", async () => {
    const { id: execution_id } = await run("run_job", { job_id: (await create()).id });
    const gone = new AbortController();
    const wait = (name: "get_execution" | "wait_for_execution") =>
      setup.scheduler.execute(name, { execution_id, wait_seconds: 50 }, setup.caller, gone);
    const { db } = setup.scheduler.engine.database;
    const waiting = untilOver(db, fromPublicId("exec", execution_id)!, 50_000, gone.signal);
    const others = run("wait_for_execution", { execution_id, wait_seconds: 50 });
    gone.abort();
    await waiting;
    for (const answer of [wait("get_execution"), wait("wait_for_execution")])
      expect(await answer).toMatchObject({ status: "pending" });
    await drain(setup.scheduler, clock);
    expect(await others).toMatchObject({ status: "succeeded" });
  });
});

describe("many who wait", () => {
  test("look together, and each is told of its own", async () => {
    const job = await create();
    const runs = await Promise.all(Array.from({ length: 50 }, () => run("run_job", { job_id: job.id })));
    const [held, ...others] = runs.map(({ id }) => id);
    await run("cancel_execution", { execution_id: held! });
    const waiting = runs.map(({ id }) => run("wait_for_execution", { execution_id: id, wait_seconds: 20 }));
    await drain(setup.scheduler, clock);
    const answers = await Promise.all(waiting);
    expect(answers.map(({ id }) => id)).toEqual(runs.map(({ id }) => id));
    expect(answers.filter(({ status }) => status === "succeeded")).toHaveLength(others.length);
  });
});

describe("run_job", () => {
  test("leaves the schedule as it is, and its retries to the job's own policy", async () => {
    const job = await create({
      when: "1h",
      retry: { strategy: "fixed", base_seconds: 7, jitter: false, max_attempts: 2 },
    });
    target.answer(503);
    const { id: execution_id } = await run("run_job", { job_id: job.id });
    await drain(setup.scheduler, clock);
    expect(await get(execution_id)).toMatchObject({
      status: "retrying",
      next_attempt_at: "2026-03-01T12:00:07.000Z",
    });
    await drain(setup.scheduler, clock, "2026-03-01T12:00:07Z");
    expect(await get(execution_id)).toMatchObject({ status: "failed", attempt_count: 2 });
    const { next_run_at, state } = await run("get_job", { job_id: job.id });
    expect({ next_run_at, state }).toEqual({ next_run_at: job.next_run_at, state: "active" });
    const { id } = await run("replay_execution", { execution_id });
    await drain(setup.scheduler, clock);
    expect(await get(id)).toMatchObject({ status: "retrying", max_attempts: 2 });
  });
});

describe("replay_execution", () => {
  test("sends the same request again after the job was edited, and after it was deleted", async () => {
    const job = await create({ method: "POST", headers: { "X-Old": "1" }, body: { old: true } });
    target.answer(404);
    const failed = await fire(job);
    await run("update_job", {
      job_id: job.id,
      url: `${target.url}/new`,
      method: "PUT",
      headers: null,
      body: "new",
    });
    const again = await run("replay_execution", { execution_id: failed.id });
    expect(again).toMatchObject({
      trigger: "replay",
      status: "pending",
      replay_of: failed.id,
      job_id: job.id,
    });
    await drain(setup.scheduler, clock);
    await run("delete_job", { job_id: job.id });
    const third = await run("replay_execution", { execution_id: again.id });
    target.answer(200);
    await drain(setup.scheduler, clock);
    expect(await get(third.id)).toMatchObject({ status: "succeeded", replay_of: again.id });
    const [first, ...others] = target.arrivals.map(({ method, path, body, headers }) => {
      return { method, path, body, old: headers["x-old"], type: headers["content-type"] };
    });
    expect(first).toEqual({
      method: "POST",
      path: "/job",
      body: '{"old":true}',
      old: "1",
      type: "application/json",
    });
    expect(others).toEqual([first, first]);
    // Each replay is a delivery of its own.
    expect(new Set(target.arrivals.map(({ headers }) => headers["idempotency-key"])).size).toBe(3);
  });

  test("waits for its turn: what is not over cannot be replayed", async () => {
    const job = await create();
    const { id: execution_id } = await run("run_job", { job_id: job.id });
    await expect(run("replay_execution", { execution_id })).rejects.toMatchObject({
      code: "conflict",
      message: "This execution is pending; only a finished one can be replayed.",
      hint: expect.stringContaining(`wait_for_execution {"execution_id": "${execution_id}"}`),
    });
  });
});

describe("cancel_execution", () => {
  test("ends what waits, once and for all", async () => {
    const job = await create({ retry: { base_seconds: 60, jitter: false } });
    const { id: pending } = await run("run_job", { job_id: job.id });
    target.answer(503);
    const canceled = {
      status: "canceled",
      reason: "canceled",
      next_attempt_at: null,
      finished_at: "2026-03-01T12:00:00.000Z",
    };
    expect(await run("cancel_execution", { execution_id: pending })).toMatchObject({
      ...canceled,
      attempt_count: 0,
    });
    const { id: retrying } = await fire(job);
    expect(await run("cancel_execution", { execution_id: retrying })).toMatchObject({
      ...canceled,
      attempt_count: 1,
    });
    expect(await drain(setup.scheduler, clock, "2026-03-01T12:30:00Z")).toEqual([]);
    expect(target.arrivals).toHaveLength(1);
    expect(await run("cancel_execution", { execution_id: pending })).toMatchObject(canceled);
  });

  test("ends a slot that waits for room", async () => {
    const job = await create({ when: undefined, cron: "* * * * *" });
    clock.set("2026-03-01T12:01:10Z");
    expect(await plan(setup.scheduler.engine, noRoom)).toMatchObject({ started: [], moved: true });
    const { data } = await run("list_executions", { job_id: job.id });
    const execution_id = data[0]!.id;
    await run("cancel_execution", { execution_id });
    expect(await drain(setup.scheduler, clock)).toEqual([]);
    expect(await get(execution_id)).toMatchObject({ status: "canceled" });
  });

  test("leaves a finished one as it is", async () => {
    const done = await fire(await create());
    expect(await run("cancel_execution", { execution_id: done.id })).toMatchObject({
      status: "succeeded",
      reason: null,
    });
  });

  test("aborts a request that is under way, within a second, whichever worker holds it", async () => {
    target.answer(() => {});
    const workers = [setup.scheduler, elsewhere].map((scheduler) =>
      scheduler.createWorker({ concurrency: 2 }),
    );
    for (const worker of workers) await worker.start();
    try {
      const job = await create();
      // Two slots each: both workers hold some of the four.
      const runs = await Promise.all([1, 2, 3, 4].map(() => run("run_job", { job_id: job.id })));
      await target.arrived(4);
      for (const { id: execution_id } of runs) {
        const asked = performance.now();
        expect(await run("cancel_execution", { execution_id })).toMatchObject({
          id: execution_id,
          status: "running",
        });
        expect(await run("wait_for_execution", { execution_id, wait_seconds: 5 })).toMatchObject({
          status: "canceled",
          attempts: [{ status: "canceled", status_code: null }],
        });
        expect(performance.now() - asked).toBeLessThan(1000);
        expect(await run("cancel_execution", { execution_id })).toMatchObject({ status: "canceled" });
      }
    } finally {
      for (const worker of workers) await worker.stop();
    }
  });
});
