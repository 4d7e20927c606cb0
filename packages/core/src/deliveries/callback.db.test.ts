import { sql } from "kysely";
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Output } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { deliver, limits, setQueueTime } from "../testing/deliver.ts";
import { takeBackAll } from "../testing/lost-workers.ts";
import { type Arrival, drain, noRoom, startTarget, type Target, testClock } from "../testing/index.ts";
import { heldBack, unsent } from "../sending/unsent.ts";
import { plan } from "../engine/plan.ts";
import { retain, startRetaining } from "../engine/retain.ts";
import { claimDeliveries, type Due } from "./claim.ts";
import { toDeliveryOutcome } from "./send-delivery.ts";
import { record } from "./deliver.ts";
import { lookAfterDeliveries, start } from "./look-after.ts";
import type { Limits } from "./queue.ts";
import { shareOf } from "../sending/destination.ts";

const noon = "2026-03-01T12:00:00Z";
const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock });

/** Where callbacks go. */
let ear: Target;
beforeAll(async () => {
  ear = await startTarget();
});
beforeEach(() => {
  ear.arrivals.length = 0;
  ear.answer(200);
});
afterAll(() => ear.close());

type Told = {
  id: string;
  type: string;
  created_at: string;
  job: object;
  execution: { id: string; status: string; reason: string | null };
  attempt: { number: number } | null;
};
const told = (): Told[] => ear.arrivals.map(({ body }) => JSON.parse(body) as Told);
const later = (seconds: number) => new Date(Date.parse(noon) + seconds * 1000);
const createCalling = (fields: Parameters<typeof create>[0] = {}) =>
  create({ callback_url: `${ear.url}/done?x=1`, ...fields });

async function onlyDelivery(): Promise<Output<"retry_delivery">> {
  const { data } = await run("list_deliveries", {});
  expect(data).toHaveLength(1);
  return data[0]!;
}

describe("an execution that is over", () => {
  test("calls back once, with what became of it", async () => {
    const job = await createCalling({ name: "report", metadata: { team: "billing" } });
    await drain(setup.scheduler, clock);
    const pending = await onlyDelivery();
    expect(pending).toMatchObject({ kind: "callback", status: "pending", attempt_count: 0, job_id: job.id });
    expect(await deliver(setup.scheduler, clock, later(1))).toMatchObject([
      { status: "sent", status_code: 200 },
    ]);
    expect(await deliver(setup.scheduler, clock, later(100_000))).toEqual([]);

    const [arrival] = ear.arrivals;
    expect(arrival).toMatchObject({ method: "POST", path: "/done?x=1" });
    expect(arrival!.headers).toMatchObject({
      "content-type": "application/json",
      "idempotency-key": pending.id,
      "sched-delivery-id": pending.id,
      "sched-attempt": "1",
      "sched-timestamp": String(Date.parse(noon) / 1000 + 1),
      "x-cron-service-job-id": job.id,
    });
    const { attempts, ...execution } = await run("get_execution", { execution_id: pending.execution_id! });
    expect(told()).toEqual([
      {
        type: "execution.finished",
        id: pending.id,
        created_at: "2026-03-01T12:00:00.000Z",
        job: { id: job.id, name: "report", metadata: { team: "billing" } },
        execution,
        attempt: attempts[0],
      },
    ]);
    expect(await onlyDelivery()).toMatchObject({
      status: "sent",
      attempt_count: 1,
      next_attempt_at: null,
      finished_at: "2026-03-01T12:00:01.000Z",
      error: null,
    });
  });

  test("says so once its last retry has failed, and not before", async () => {
    target.answer(500);
    await createCalling({ retry: { max_attempts: 2, base_seconds: 10, jitter: false } });
    await drain(setup.scheduler, clock);
    expect(await deliver(setup.scheduler, clock)).toEqual([]);
    await drain(setup.scheduler, clock, later(10));
    await deliver(setup.scheduler, clock);
    expect(told()).toMatchObject([{ execution: { status: "failed" }, attempt: { number: 2 } }]);
  });

  test.each(["cancel_execution", "cancel_job", "delete_job"] as const)(
    "calls back after %s, too",
    async (name) => {
      const job = await createCalling({ when: "2h" });
      const { id } = await run("run_job", { job_id: job.id, delay_seconds: 60 });
      if (name === "cancel_execution") await run(name, { execution_id: id });
      else await run(name, { job_id: job.id });
      await deliver(setup.scheduler, clock);
      expect(told()).toMatchObject([{ execution: { id, status: "canceled" }, attempt: null }]);
    },
  );

  test("calls back when its time ran out: before it was planned, while it waited, before its retry", async () => {
    await createCalling({ when: "1h", ttl_seconds: 60 });
    await drain(setup.scheduler, clock, later(3 * 3600));
    const waiting = await createCalling({ when: "24h", ttl_seconds: 60 });
    await run("run_job", { job_id: waiting.id });
    await drain(setup.scheduler, clock, later(4 * 3600));
    target.answer(500);
    await createCalling({ ttl_seconds: 60, retry: { base_seconds: 100, jitter: false } });
    await drain(setup.scheduler, clock);
    await deliver(setup.scheduler, clock);
    expect(told()).toMatchObject(
      Array.from({ length: 3 }, () => ({ execution: { status: "expired", reason: "ttl" } })),
    );
  });

  test("calls back when another slot takes its place; a slot that is skipped does not", async () => {
    const cron = { cron: "* * * * *", overlap: "cancel_previous" } as const;
    await createCalling({ ...cron, retry: { base_seconds: 3600, jitter: false } });
    target.answer(500);
    await drain(setup.scheduler, clock, later(60));
    await drain(setup.scheduler, clock, later(120));
    await deliver(setup.scheduler, clock);
    expect(told()).toMatchObject([{ execution: { status: "canceled", reason: "overlap" } }]);

    ear.arrivals.length = 0;
    await setup.reset();
    await createCalling({ ...cron, overlap: "skip", retry: { base_seconds: 3600, jitter: false } });
    await drain(setup.scheduler, clock, later(180));
    await drain(setup.scheduler, clock, later(240));
    const { data } = await run("list_executions", { status: "skipped" });
    expect(data).toHaveLength(1);
    expect(await deliver(setup.scheduler, clock)).toEqual([]);
  });

  test("calls back when its workers were lost once too often", async () => {
    await createCalling();
    for (let loss = 0; loss <= 5; loss++) {
      const admission = { room: 1, full: [], admit: () => true, heldBack: () => [] };
      await plan(setup.scheduler.engine, { ...noRoom, admission });
      expect(await deliver(setup.scheduler, clock)).toEqual([]);
      await takeBackAll(setup.scheduler.engine);
    }
    await deliver(setup.scheduler, clock);
    expect(told()).toMatchObject([{ execution: { status: "failed" }, attempt: { number: 6 } }]);
  });

  test("calls nobody back without a callback_url", async () => {
    await create();
    await drain(setup.scheduler, clock);
    expect((await run("list_deliveries", {})).data).toEqual([]);
  });
});

describe("a callback", () => {
  test("is signed like every request", async () => {
    const { secret, id } = await run("create_signing_secret", {});
    await createCalling();
    await drain(setup.scheduler, clock);
    await deliver(setup.scheduler, clock);
    await run("delete_signing_secret", { signing_secret_id: id });
    const { headers, method, path, body } = ear.arrivals[0] as Arrival;
    const parts = ["sched-timestamp", "sched-delivery-id", "sched-attempt"].map((name) => headers[name]);
    const hmac = createHmac("sha256", Buffer.from(secret.slice(6), "base64"));
    const signature = hmac.update([...parts, method, path, body].join(".")).digest("hex");
    expect(headers["sched-signature"]).toBe(`t=${headers["sched-timestamp"] as string},v1=${signature}`);
    expect(headers["webhook-id"]).toBe(headers["sched-delivery-id"]);
  });

  test("is retried after errors, with one Idempotency-Key, until it is heard", async () => {
    const answers = [500, 429, 204];
    ear.answer((_, response) => void response.writeHead(answers.shift()!).end());
    await createCalling();
    await drain(setup.scheduler, clock);
    expect(await deliver(setup.scheduler, clock)).toMatchObject([{ status: "pending", status_code: 500 }]);
    expect(await onlyDelivery()).toMatchObject({ status: "pending", error: { code: "status" } });
    await deliver(setup.scheduler, clock, later(5));
    expect(await deliver(setup.scheduler, clock, later(5 + 10))).toMatchObject([{ status: "sent" }]);
    const keys = ear.arrivals.map(({ headers }) => [headers["idempotency-key"], headers["sched-attempt"]]);
    const { id } = await onlyDelivery();
    expect(keys).toEqual([1, 2, 3].map((attempt) => [id, String(attempt)]));
  });

  test("is given up after eight attempts, and sent again by whoever asks for that", async () => {
    ear.answer(503);
    await createCalling();
    await drain(setup.scheduler, clock);
    for (let hour = 0; hour < 10; hour++) await deliver(setup.scheduler, clock, later(hour * 3600));
    expect(ear.arrivals).toHaveLength(8);
    const failed = await onlyDelivery();
    expect(failed).toMatchObject({ status: "failed", status_code: 503, next_attempt_at: null });
    expect((await run("list_deliveries", { status: "failed", job_id: failed.job_id! })).data).toEqual([
      failed,
    ]);
    ear.answer(200);
    expect(await run("retry_delivery", { delivery_id: failed.id })).toMatchObject({ status: "pending" });
    await expect(run("retry_delivery", { delivery_id: failed.id })).rejects.toMatchObject({
      code: "conflict",
    });
    expect(await deliver(setup.scheduler, clock)).toMatchObject([{ status: "sent" }]);
    expect(ear.arrivals.at(-1)!.headers["idempotency-key"]).toBe(failed.id);
  });

  /** Another worker looks after what the one before left. */
  async function lookAfter(at: Date): Promise<void> {
    clock.set(at);
    const { engine } = setup.scheduler;
    await setQueueTime(engine, at);
    // As if nobody had looked lately: the tests before have times of their own.
    await sql`update scheduler_deliveries.queue set monitor_on = null, monitor_claim_on = null`.execute(
      engine.database.db,
    );
    await lookAfterDeliveries(engine, start());
  }

  async function claim(options: Partial<Limits> = {}): Promise<Due[]> {
    const { engine } = setup.scheduler;
    await setQueueTime(engine, clock.now());
    return claimDeliveries(engine, { ...limits, ...options });
  }

  test("goes out again when the worker that had it died, and what that one says later counts no more", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    const { engine } = setup.scheduler;
    const [lost] = await claim();
    await lookAfter(later(29));
    expect(await deliver(setup.scheduler, clock, later(29))).toEqual([]);
    ear.answer(500);
    await lookAfter(later(31));
    expect(await deliver(setup.scheduler, clock, later(31))).toMatchObject([
      { number: 2, status: "pending" },
    ]);
    const outcome = toDeliveryOutcome(lost!, { ...unsent("canceled"), status: "succeeded", statusCode: 200 });
    await record(engine, [{ claimed: lost!.claimed, outcome }]);
    expect(await onlyDelivery()).toMatchObject({ status: "pending", attempt_count: 2 });
    ear.answer(200);
    expect(await deliver(setup.scheduler, clock, later(100))).toMatchObject([{ number: 3, status: "sent" }]);
  });

  test("has failed once every worker that had it died", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    for (let attempt = 1; attempt <= 8; attempt++) {
      expect(await claim()).toMatchObject([{ claimed: { number: attempt } }]);
      await lookAfter(later(attempt * 31));
    }
    await lookAfter(later(300));
    expect(await claim()).toEqual([]);
    const failed = await onlyDelivery();
    expect(failed).toMatchObject({ status: "failed", error: { code: "worker_lost" }, next_attempt_at: null });
    await run("retry_delivery", { delivery_id: failed.id });
    expect(await deliver(setup.scheduler, clock)).toMatchObject([{ number: 1, status: "sent" }]);
  });

  test("is made once more where a worker that stopped hands its last attempt back", async () => {
    ear.answer(500);
    await createCalling();
    await drain(setup.scheduler, clock);
    for (let attempt = 1; attempt <= 7; attempt++)
      expect(await deliver(setup.scheduler, clock, later(attempt * 10_000))).toMatchObject([
        { number: attempt, status: "pending" },
      ]);
    clock.set(later(80_000));
    const [last] = await claim();
    const outcome = toDeliveryOutcome(last!, unsent("interrupted"));
    await record(setup.scheduler.engine, [{ claimed: last!.claimed, outcome }]);
    ear.answer(200);
    expect(await deliver(setup.scheduler, clock, later(80_001))).toMatchObject([{ status: "sent" }]);
    expect(await onlyDelivery()).toMatchObject({ status: "sent" });
  });

  test("that the queue has lost, as in a restore, is put into it again", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    await sql`delete from scheduler_deliveries.job`.execute(setup.scheduler.engine.database.db);
    await lookAfter(later(59));
    expect(await deliver(setup.scheduler, clock, later(59))).toEqual([]);
    await lookAfter(later(61));
    expect(await deliver(setup.scheduler, clock, later(61))).toMatchObject([{ status: "sent" }]);
  });

  test("goes to no address that a job may not call", async () => {
    await createCalling({ callback_url: "https://allowed.example/" });
    // As where its address was allowed when it was created.
    await sql`update scheduler.revisions set callback_url = 'http://10.0.0.1/latest'`.execute(
      setup.scheduler.engine.database.db,
    );
    await drain(setup.scheduler, clock);
    expect(await deliver(setup.scheduler, clock)).toMatchObject([
      { status: "failed", error_code: "address_blocked" },
    ]);
  });

  test("for one host that hangs leaves room to the others", async () => {
    const slow = await startTarget();
    for (let number = 0; number < 8; number++) await createCalling({ callback_url: `${slow.url}/${number}` });
    await drain(setup.scheduler, clock);
    clock.advance(1);
    await createCalling();
    await drain(setup.scheduler, clock);
    const hostOf = (url: string) => new URL(url).host;
    const first = await claim({ perReceiver: 5 });
    const rest = await claim({ perReceiver: 5 });
    expect(first.filter(({ host }) => host === hostOf(slow.url))).toHaveLength(5);
    expect([...first, ...rest].map(({ host }) => host)).toHaveLength(6);
    expect([...first, ...rest].filter(({ host }) => host === hostOf(ear.url))).toHaveLength(1);
    await slow.close();
  });

  test("of one scope leave room to the other half", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    const { scopeId } = setup.caller;
    expect(await claim({ fullScopes: [scopeId] })).toEqual([]);
    expect(await claim({ fullScopes: [setup.testCaller.scopeId] })).toHaveLength(1);
  });

  test("is put off until the next probe of a receiver that does not answer, and counts no attempt", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    const { engine } = setup.scheduler;
    const [callback] = await claim();
    const untilMs = clock.now().getTime() + 60_000;
    const held = heldBack(
      callback!.host,
      { untilMs, failures: 10 },
      { now: clock.now(), asked: "callbacks" },
    );
    const outcome = toDeliveryOutcome(callback!, held);
    await record(engine, [{ claimed: callback!.claimed, outcome }]);
    expect(await onlyDelivery()).toMatchObject({
      status: "pending",
      attempt_count: 0,
      error: { code: "circuit_open" },
    });
    clock.advance(59_000);
    expect(await claim()).toEqual([]);
    clock.advance(2000);
    expect(await claim({ full: [shareOf(callback!)] })).toEqual([]);
    expect(await deliver(setup.scheduler, clock)).toMatchObject([{ number: 1, status: "sent" }]);
    expect(await onlyDelivery()).toMatchObject({ status: "sent", attempt_count: 1 });
  });

  test("is forgotten with its execution", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    await deliver(setup.scheduler, clock);
    const { rows } = await sql<{ id: string }>`select id from scheduler.executions`.execute(
      setup.scheduler.engine.database.db,
    );
    expect(rows).toHaveLength(1);
    clock.set("2026-06-01T12:00:00Z");
    await retain(setup.scheduler.engine, startRetaining());
    expect((await run("list_deliveries", {})).data).toEqual([]);
  });
});
