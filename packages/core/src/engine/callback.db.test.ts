import { sql } from "kysely";
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Output } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { deliver, limits } from "../testing/deliver.ts";
import { takeBackAll } from "../testing/lost-workers.ts";
import { type Arrival, drain, noRoom, startTarget, type Target, testClock } from "../testing/index.ts";
import { claimCallbacks, toDeliveryOutcome, toHeldBack } from "./callback.ts";
import { unsent } from "./begin.ts";
import { sessionOf } from "./engine.ts";
import { putOffDeliveries, settleDeliveries } from "./notify.sql.ts";
import { plan } from "./plan.ts";
import { shareOf } from "./shares.ts";
import { retain, startRetaining } from "./retain.ts";

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
    const { attempts, ...execution } = await run("get_execution", { execution_id: pending.execution_id });
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
    expect((await run("list_deliveries", { status: "failed", job_id: failed.job_id })).data).toEqual([
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

  test("goes out again when the worker that had it died, and what that one says later counts no more", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    const { engine } = setup.scheduler;
    const [lost] = await claimCallbacks(engine, limits);
    expect(await deliver(setup.scheduler, clock, later(29))).toEqual([]);
    ear.answer(500);
    expect(await deliver(setup.scheduler, clock, later(31))).toMatchObject([
      { number: 2, status: "pending" },
    ]);
    const late = toDeliveryOutcome(lost!, { ...unsent("canceled"), status: "succeeded", statusCode: 200 });
    await settleDeliveries(sessionOf(engine), [late]);
    expect(await onlyDelivery()).toMatchObject({ status: "pending", attempt_count: 2 });
  });

  test("goes to no address that a job may not call", async () => {
    await createCalling({ callback_url: "http://10.0.0.1/latest" });
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
    const { engine } = setup.scheduler;
    const first = await claimCallbacks(engine, { ...limits, perHost: 5 });
    const hostOf = (url: string) => new URL(url).host;
    expect(first.filter(({ host }) => host === hostOf(slow.url))).toHaveLength(5);
    const share = shareOf({ scope_id: setup.caller.scopeId, host: hostOf(slow.url) });
    const shares = [{ share, left: 0 }];
    const rest = await claimCallbacks(engine, { ...limits, perHost: 5, shares });
    expect([...first, ...rest].filter(({ host }) => host === hostOf(ear.url))).toHaveLength(1);
    await slow.close();
  });

  test("of one scope leave room to the other half", async () => {
    const slow = await startTarget();
    for (let number = 0; number < 8; number++) await createCalling({ callback_url: `${slow.url}/${number}` });
    await drain(setup.scheduler, clock);
    const { engine } = setup.scheduler;
    const { scopeId } = setup.caller;
    const none = await claimCallbacks(engine, { ...limits, scopes: [{ scope_id: scopeId, left: 0 }] });
    expect(none).toEqual([]);
    const some = await claimCallbacks(engine, { ...limits, scopes: [{ scope_id: scopeId, left: 3 }] });
    expect(some).toHaveLength(3);
    expect(await claimCallbacks(engine, { ...limits, perScope: 2 })).toHaveLength(2);
    await slow.close();
  });

  test("is put off until the next probe of a receiver that does not answer, and counts no attempt", async () => {
    await createCalling();
    await drain(setup.scheduler, clock);
    const { engine } = setup.scheduler;
    const [callback] = await claimCallbacks(engine, limits);
    const untilMs = clock.now().getTime() + 60_000;
    await settleDeliveries(sessionOf(engine), [toHeldBack(callback!, { untilMs, failures: 10 })]);
    expect(await onlyDelivery()).toMatchObject({
      status: "pending",
      attempt_count: 0,
      error: { code: "circuit_open" },
    });
    clock.advance(60_100);
    const circuit = { share: shareOf(callback!), probe_at: new Date(clock.now().getTime() + 1000) };
    expect(await putOffDeliveries(sessionOf(engine), [circuit], 10)).toBe(1);
    expect(await claimCallbacks(engine, limits)).toEqual([]);
    clock.advance(1000);
    expect(await putOffDeliveries(sessionOf(engine), [circuit], 10)).toBe(0);
    expect(await deliver(setup.scheduler, clock)).toMatchObject([{ status: "sent" }]);
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
