import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Input, RuleEvent } from "@org/scheduler-contract";
import { plan } from "../engine/plan.ts";
import { testBench } from "../testing/bench.ts";
import { deliver } from "../testing/deliver.ts";
import { drain, roomFor, startTarget, type Target, testClock } from "../testing/index.ts";
import { inTransaction } from "../database/session.ts";
import { notifyOfRunning } from "./notify.ts";
import { fromPublicId } from "../ids.ts";
import { messagesPerMinute, storeNotifications } from "./gather.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock, job: { retry: { max_attempts: 1 } } });

/** Who is told. */
let ear: Target;
beforeAll(async () => {
  ear = await startTarget();
});
beforeEach(() => {
  ear.arrivals.length = 0;
  ear.answer(200);
});
afterAll(() => ear.close());

interface Message {
  type: string;
  text: string;
  count?: number;
  events?: Record<string, { count: number; jobs: string[] }>;
  failures?: number;
  since?: string;
  job?: { name: string };
  execution?: { id: string };
}

const messages = (): Message[] => ear.arrivals.map(({ body }) => JSON.parse(body) as Message);
const types = (): string[] => messages().map(({ type }) => type);
const at = (seconds: number) => new Date(Date.parse(noon) + seconds * 1000);

const channel = (path = "/told") =>
  run("create_channel", { name: `to ${path}`, type: "webhook", url: ear.url + path });

async function listen(...rules: Omit<Input<"add_rule">, "channel_id">[]) {
  const { id: channel_id } = await channel();
  for (const rule of rules) await run("add_rule", { channel_id, ...rule });
  return channel_id;
}

/** Lets a job run once with this answer, at so many seconds after noon, and those be told who are to be. */
async function runs(job_id: string, status: number, seconds: number): Promise<void> {
  target.answer(status);
  clock.set(at(seconds));
  await run("run_job", { job_id });
  await drain(setup.scheduler, clock, at(seconds));
  await deliver(setup.scheduler, clock, at(seconds));
}

const cron = { cron: "0 9 * * *" };

describe("rules", () => {
  test("tell of each end, each in its own words", async () => {
    await listen({ event: "on_success" }, { event: "on_failure" }, { event: "on_completion" });
    const job = await create({ name: "nightly", ...cron });
    await runs(job.id, 500, 0);
    expect(types().sort()).toEqual(["on_completion", "on_failure"]);
    expect(messages()[0]).toMatchObject({
      job: { id: job.id, name: "nightly" },
      execution: { status: "failed", status_code: 500 },
      attempt: { response_body: "ok" },
      text: expect.stringMatching(
        /“nightly” failed.*The target answered 500.*“ok”.*Next: runs at 2026-03-02T09/s,
      ),
    });
    ear.arrivals.length = 0;
    await runs(job.id, 200, 1);
    expect(types().sort()).toEqual(["on_completion", "on_success"]);
  });

  test("tell of a failure only after the last attempt", async () => {
    await listen({ event: "on_failure" });
    const job = await create({ ...cron, retry: { max_attempts: 2, base_seconds: 10, jitter: false } });
    await runs(job.id, 500, 0);
    expect(types()).toEqual([]);
    await drain(setup.scheduler, clock, at(10));
    await deliver(setup.scheduler, clock);
    expect(types()).toEqual(["on_failure"]);
  });

  test("hold for a job, for a queue, or for all", async () => {
    const [mine, other] = [
      await create({ ...cron, name: "mine", queue: "a" }),
      await create({ ...cron, name: "other", queue: "b" }),
    ];
    const to = async (path: string, of: object) =>
      run("add_rule", { channel_id: (await channel(path)).id, event: "on_failure", ...of });
    await to("/job", { job_id: mine.id });
    await to("/queue", { queue: "b" });
    await to("/all", {});
    await runs(mine.id, 500, 0);
    expect(ear.arrivals.map(({ path }) => path).sort()).toEqual(["/all", "/job"]);
    ear.arrivals.length = 0;
    await runs(other.id, 500, 1);
    expect(ear.arrivals.map(({ path }) => path).sort()).toEqual(["/all", "/queue"]);
    const rules = await run("list_job_rules", { job_id: other.id });
    expect(rules.data.map(({ queue, job_id }) => `${queue} ${job_id}`).sort()).toEqual([
      "b null",
      "null null",
    ]);
  });

  test("of the other half of a workspace tell nothing", async () => {
    await listen({ event: "on_completion" });
    await run("create_job", { name: "in test", url: target.url }, setup.testCaller);
    await drain(setup.scheduler, clock);
    await deliver(setup.scheduler, clock);
    expect(types()).toEqual([]);
    expect((await run("list_rules", {}, setup.testCaller)).data).toEqual([]);
  });

  test("count failures in the order of ends that are written together, also where only failures are told of", async () => {
    await listen({ event: "on_failure" });
    const job = await create(cron);
    await runs(job.id, 500, 0);
    await runs(job.id, 500, 1);
    ear.arrivals.length = 0;
    clock.set(at(2));
    const first = await run("run_job", { job_id: job.id });
    clock.set(at(3));
    await run("run_job", { job_id: job.id });
    target.answer(({ headers }, response) => {
      response.writeHead(headers["sched-delivery-id"] === first.id ? 200 : 500).end();
    });
    expect((await drain(setup.scheduler, clock, at(4))).map(({ next }) => next)).toEqual([
      "succeeded",
      "failed",
    ]);
    await deliver(setup.scheduler, clock, at(4));
    expect(messages()).toMatchObject([{ type: "on_failure", failures: 1 }]);
  });

  test("of one queue do not tell of another, nor keep its successes from the alerts of their own", async () => {
    await listen({ event: "on_alert", queue: "a" }, { event: "on_recovery", queue: "a" });
    const job = await create({ ...cron, queue: "b", alert_threshold: 1 });
    const own = await create({ ...cron, queue: "a", alert_threshold: 1 });
    for (const { id } of [job, own]) await runs(id, 500, 0);
    for (const { id } of [job, own]) await runs(id, 200, 1);
    expect(types()).toEqual(["on_alert", "on_recovery"]);
  });

  test("that say the same twice are one, and tell once", async () => {
    const channel_id = await listen({ event: "on_failure" });
    const job = await create(cron);
    const [rule] = (await run("list_rules", {})).data;
    expect(await run("add_rule", { channel_id, event: "on_failure" })).toEqual(rule);
    await run("add_job_rule", { job_id: job.id, channel_id, event: "on_failure" });
    await runs(job.id, 500, 0);
    expect(types()).toEqual(["on_failure"]);
  });

  test("that are removed, or whose job or channel is deleted, tell no more", async () => {
    const channel_id = await listen({ event: "on_failure" });
    const job = await create(cron);
    const [rule] = (await run("list_rules", {})).data;
    const own = await run("add_rule", { job_id: job.id, channel_id, event: "on_success" });
    await expect(run("remove_job_rule", { job_id: job.id, rule_id: rule!.id })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await run("remove_rule", { rule_id: rule!.id })).toEqual({ deleted: true, id: rule!.id });
    await runs(job.id, 500, 0);
    expect(types()).toEqual([]);
    await run("delete_job", { job_id: job.id });
    expect((await run("list_rules", {})).data).toEqual([]);
    await expect(run("remove_rule", { rule_id: own.id })).rejects.toMatchObject({ code: "not_found" });
    await run("add_rule", { channel_id, event: "on_failure" });
    expect(await run("delete_channel", { channel_id })).toMatchObject({ deleted: true, rules: 1 });
    expect((await run("list_rules", {})).data).toEqual([]);
  });

  test.each<[Partial<Input<"add_rule">>, string]>([
    [{ event: "on_failure", threshold: 3 }, "threshold"],
    [{ event: "on_alert", seconds: 3 }, "seconds"],
    [{ event: "on_overrun" }, "seconds"],
    [{ event: "on_alert", threshold: 101 }, "threshold"],
    [{ event: "on_alert", queue: "a", job_id: "" }, "job_id"],
    [{ event: "on_fire" as RuleEvent }, "event"],
  ])("refuse %j", async (more, field) => {
    const { id: channel_id } = await channel();
    await expect(run("add_rule", { channel_id, event: "on_failure", ...more })).rejects.toMatchObject({
      code: "invalid_input",
      field,
    });
    const job = await create(cron);
    await expect(
      run("add_rule", { channel_id, event: "on_failure", queue: "a", job_id: job.id }),
    ).rejects.toMatchObject({
      field: "queue",
    });
  });
});

describe("an alert", () => {
  test("goes from warning to failure to recovery, each told once, and shows on the job", async () => {
    await listen({ event: "on_first_failure" }, { event: "on_alert" }, { event: "on_recovery" });
    const job = await create({ ...cron, name: "nightly", alert_threshold: 3 });
    const health = async () => {
      const { consecutive_failures, is_alerted } = await run("get_job", { job_id: job.id });
      return [consecutive_failures, is_alerted];
    };
    await runs(job.id, 500, 0);
    expect(await health()).toEqual([1, false]);
    await runs(job.id, 500, 60);
    await runs(job.id, 500, 120);
    expect(await health()).toEqual([3, true]);
    await runs(job.id, 500, 180);
    expect(types()).toEqual(["on_first_failure", "on_alert"]);
    expect(messages()[1]).toMatchObject({ failures: 3, since: at(0).toISOString() });
    await runs(job.id, 200, 240);
    expect(await health()).toEqual([0, false]);
    await runs(job.id, 200, 300);
    expect(types()).toEqual(["on_first_failure", "on_alert", "on_recovery"]);
    expect(messages()[2]).toMatchObject({
      failures: 4,
      since: at(0).toISOString(),
      text: expect.stringMatching(
        /“nightly” works again.*Had failed since: 2026-03-01T12:00:00.000Z \(4 failures in a row\)/s,
      ),
    });
  });

  test("is of the threshold of a rule also where the job has none", async () => {
    await listen({ event: "on_alert", threshold: 2 }, { event: "on_recovery" });
    const job = await create(cron);
    await runs(job.id, 500, 0);
    await runs(job.id, 200, 60);
    expect(types()).toEqual([]);
    for (const seconds of [120, 180]) await runs(job.id, 500, seconds);
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ is_alerted: true });
    await runs(job.id, 200, 240);
    expect(types()).toEqual(["on_alert", "on_recovery"]);
  });

  test("goes to the channel that a job names when it is made, with its recovery", async () => {
    const { id: alert_channel_id } = await channel();
    const declared = { key: "a", name: "a", url: target.url, cron: "0 9 * * *", alert_channel_id };
    const job = await run("put_job", { ...declared, alert_threshold: 2 });
    await run("put_job", { ...declared, alert_threshold: 2, retry: { max_attempts: 1 } });
    expect((await run("list_job_rules", { job_id: job.id })).data).toHaveLength(2);
    for (const seconds of [0, 60]) await runs(job.id, 500, seconds);
    await runs(job.id, 200, 120);
    expect(types()).toEqual(["on_alert", "on_recovery"]);
    await expect(create({ alert_channel_id: "chan_01h455vb4pex5vsknk084sn02q" })).rejects.toMatchObject({
      code: "not_found",
      field: "alert_channel_id",
    });
  });

  test("shows on the job without any rule", async () => {
    const job = await create({ ...cron, alert_threshold: 1 });
    await runs(job.id, 500, 0);
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ alert_threshold: 1, is_alerted: true });
  });

  test("is told once where many ends come at once", async () => {
    await listen({ event: "on_alert", threshold: 5 }, { event: "on_first_failure" });
    const job = await create(cron);
    target.answer(500);
    for (let time = 0; time < 12; time++) await run("run_job", { job_id: job.id });
    await drain(setup.scheduler, clock);
    await deliver(setup.scheduler, clock);
    expect(types().sort()).toEqual(["on_alert", "on_first_failure"]);
  });
});

test("a queue's rule counts the failures of jobs that run once, of one after the other", async () => {
  await listen(
    { event: "on_first_failure", queue: "q" },
    { event: "on_alert", queue: "q", threshold: 3 },
    { event: "on_recovery", queue: "q" },
  );
  const runsOnce = async (status: number, seconds: number, queue = "q") => {
    target.answer(status);
    clock.set(at(seconds));
    await create({ name: `at ${seconds}`, queue });
    await drain(setup.scheduler, clock, at(seconds));
    await deliver(setup.scheduler, clock, at(seconds));
  };
  await runsOnce(500, 0);
  await runsOnce(500, 1, "other");
  await runsOnce(500, 2);
  expect(types()).toEqual(["on_first_failure"]);
  await runsOnce(500, 3);
  await runsOnce(500, 4);
  expect(types()).toEqual(["on_first_failure", "on_alert"]);
  await runsOnce(200, 5);
  await runsOnce(200, 6);
  expect(types()).toEqual(["on_first_failure", "on_alert", "on_recovery"]);
  expect(messages()[1]).toMatchObject({ failures: 3, since: at(0).toISOString(), job: { name: "at 3" } });
});

test("slots that were missed are told once for all of them", async () => {
  await listen({ event: "on_missed" });
  await create({ cron: "* * * * *", name: "each minute", catch_up: "skip" });
  await drain(setup.scheduler, clock, at(3600));
  await deliver(setup.scheduler, clock);
  expect(types()).toEqual(["on_missed"]);
  expect(messages()[0]!.text).toMatch(/“each minute” was missed.*slots passed while no worker was planning/s);
});

describe("a request that takes too long", () => {
  test("is told of while it runs, and not once more when it is over", async () => {
    await listen({ event: "on_overrun", seconds: 5 });
    await create({ name: "slow one" });
    const { id: muted } = await channel("/muted");
    const { engine } = setup.scheduler;
    const workerId = "019c0000-0000-7000-8000-00000000000a";
    const { started } = await plan(engine, {
      workerId,
      admission: roomFor(10),
    });
    const tell = () =>
      inTransaction(engine, async ({ db }) => {
        const due = await notifyOfRunning(
          { db, now: clock.now() },
          started.map(({ id }) => id),
        );
        await engine.deliveries.put(db, due);
        return due.length;
      });
    clock.set(at(4));
    expect(await tell()).toBe(0);
    clock.set(at(6));
    expect(await tell()).toBe(1);
    expect(await tell()).toBe(0);
    await run("update_channel", { channel_id: muted, muted_until: at(3600).toISOString() });
    await run("add_rule", { channel_id: muted, event: "on_overrun", seconds: 1 });
    for (let look = 0; look < 3; look++) await tell();
    expect((await run("list_deliveries", { kind: "muted" })).data).toMatchObject([{ count: 1 }]);
    await deliver(setup.scheduler, clock);
    expect(messages()[0]!.text).toMatch(/“slow one” has been running for too long.*Took: 6000 ms/s);
  });

  test("is told of by what was usual before it", async () => {
    await listen({ event: "on_overrun", times: 2 });
    const job = await create(cron);
    await runs(job.id, 200, 0);
    await sql`update scheduler.jobs set usual_ms = 100`.execute(setup.scheduler.engine.database.db);
    target.answer((_, response) => void setTimeout(() => response.end("late"), 210));
    await run("run_job", { job_id: job.id });
    await drain(setup.scheduler, clock);
    await deliver(setup.scheduler, clock);
    expect(messages()[0]!.text).toMatch(/ran for too long.*usually 100 ms/s);
  });

  test("is told of when it is over, with what is usual", async () => {
    await listen({ event: "on_overrun", seconds: 0.02 });
    target.answer((_, response) => void setTimeout(() => response.end("late"), 60));
    await create({ name: "slow one" });
    await drain(setup.scheduler, clock);
    await deliver(setup.scheduler, clock);
    expect(types()).toEqual(["on_overrun"]);
    expect(messages()[0]!.text).toMatch(/“slow one” ran for too long/);
  });
});

describe("more than a channel is told in a minute", () => {
  test("comes together, with none lost in the counts", async () => {
    const channel_id = await listen({ event: "on_failure" });
    target.answer(500);
    const jobs = Array.from({ length: 100 }, (_, index) => ({
      name: `job ${index}`,
      url: target.url,
      retry: { max_attempts: 1 },
    }));
    for (let part = 0; part < 10; part++) {
      await run("create_jobs", { jobs });
      await drain(setup.scheduler, clock, at(part * 5));
      await deliver(setup.scheduler, clock);
    }
    expect(ear.arrivals).toHaveLength(messagesPerMinute);
    await deliver(setup.scheduler, clock, at(60));
    expect(ear.arrivals).toHaveLength(messagesPerMinute + 1);
    const summary = messages().at(-1)!;
    expect(summary).toMatchObject({ type: "summary", count: 1000 - messagesPerMinute });
    expect(summary.events!["on_failure"]!.jobs).toHaveLength(5);
    expect(summary.text).toMatch(
      /990 notifications more within a minute.*990 failures: “job \d+”.* and more/s,
    );
    const { data } = await run("list_deliveries", { channel_id, kind: "summary" });
    expect(data).toMatchObject([{ count: 990, status: "sent", event: null, execution_id: null }]);
    // The next minute begins anew.
    await run("create_jobs", { jobs: jobs.slice(0, 1) });
    await drain(setup.scheduler, clock, at(61));
    await deliver(setup.scheduler, clock);
    expect(types().at(-1)).toBe("on_failure");
  });
});

test("ten thousand failures within a minute are ten messages and a summary, whoever stores them", async () => {
  const channel_id = await listen({ event: "on_failure" });
  const job = await create(cron);
  await runs(job.id, 200, 0);
  const [execution] = (await run("list_executions", {})).data;
  const fresh = (index: number) => ({
    scopeId: setup.caller.scopeId,
    channelId: fromPublicId("chan", channel_id)!,
    executionId: fromPublicId("exec", execution!.id)!,
    jobId: fromPublicId("job", job.id)!,
    jobName: `job ${index}`,
    event: "on_failure" as const,
    about: {},
    muted: undefined,
  });
  const { engine } = setup.scheduler;
  const store = (part: number) =>
    inTransaction(engine, async ({ db, now }) => {
      const many = Array.from({ length: 200 }, (_, index) => fresh(part * 200 + index));
      await engine.deliveries.put(db, await storeNotifications({ db, now }, many));
    });
  await Promise.all(Array.from({ length: 50 }, (_, part) => store(part)));
  await deliver(setup.scheduler, clock);
  await deliver(setup.scheduler, clock, at(60));
  const { data } = await run("list_deliveries", { channel_id, limit: 100 });
  expect(data.reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
  expect(ear.arrivals).toHaveLength(messagesPerMinute + 1);
  expect(messages().at(-1)).toMatchObject({ type: "summary", count: 10_000 - messagesPerMinute });
});

describe("what is muted", () => {
  const until = at(600).toISOString();

  test.each(["channel", "job", "queue"] as const)(
    "is counted of a %s, and told when that ends",
    async (what) => {
      const channel_id = await listen({ event: "on_failure" });
      const job = await create({ ...cron, name: "nightly", queue: "q" });
      if (what === "channel") await run("update_channel", { channel_id, muted_until: until });
      if (what === "job")
        expect((await run("update_job", { job_id: job.id, muted_until: until })).muted_until).toBe(until);
      if (what === "queue")
        expect((await run("update_queue", { name: "q", muted_until: until })).muted_until).toBe(until);
      for (const seconds of [0, 60, 120]) await runs(job.id, 500, seconds);
      expect(types()).toEqual([]);
      expect((await run("list_deliveries", {})).data).toMatchObject([
        { kind: "muted", count: 3, next_attempt_at: until },
      ]);
      await deliver(setup.scheduler, clock, at(600));
      expect(messages()).toMatchObject([
        { type: "muted", count: 3, text: expect.stringContaining("was muted") },
      ]);
      await runs(job.id, 500, 700);
      expect(types()).toEqual(["muted", "on_failure"]);
    },
  );

  test("is told at once where somebody ends it sooner, and later where somebody makes it longer", async () => {
    const channel_id = await listen({ event: "on_failure" });
    const job = await create(cron);
    await run("update_channel", { channel_id, muted_until: until });
    await runs(job.id, 500, 0);
    await run("update_channel", { channel_id, muted_until: at(1200).toISOString() });
    await deliver(setup.scheduler, clock, at(700));
    expect(types()).toEqual([]);
    await run("update_channel", { channel_id, muted_until: null });
    await deliver(setup.scheduler, clock, at(701));
    expect(messages()).toMatchObject([{ type: "muted", count: 1 }]);
  });

  test("stays muted where a job is declared again", async () => {
    const declared = { key: "a", name: "a", url: target.url, cron: "0 9 * * *" };
    const job = await run("put_job", declared);
    await run("update_job", { job_id: job.id, muted_until: until });
    expect((await run("put_job", { ...declared, name: "b" })).muted_until).toBe(until);
  });
});
