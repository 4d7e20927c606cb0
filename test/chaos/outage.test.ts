import { createClient } from "@org/scheduler-client";
import type { Target } from "@org/scheduler-core/testing";
import { expect, test, vi } from "vitest";
import { startApp } from "../e2e/start-app.ts";
import { allPages, type Execution } from "../oracle.ts";
import { connectDatabase } from "./connect-database.ts";
import { createAll, leadMs, oneShots, toInstant } from "./load.ts";
import { lateMs, report } from "./report.ts";
import { length, timeout } from "./size.ts";
import { startSystem } from "./system.ts";

const minuteMs = 60_000;
const outageMs = 180 * minuteMs;
const slots = length(5, 20);
const answerMs = 200;
/** A slot frees every few milliseconds; a backlog that went first would keep fresh jobs waiting much longer. */
const freshWithinMs = 3000;

test("after an outage of hours each job makes one run, and fresh jobs go first", { timeout }, async () => {
  await using system = await startSystem("outage");
  const { client, target, token, env, postgres } = system;
  const underWay = countUnderWay(target);
  const begun = Date.now();
  const repeating = await createRepeating();
  const from = begun + minuteMs;
  const load = { from, seconds: (outageMs - 2 * minuteMs) / 1000, perSecond: length(0.01, 0.2) };
  const old = await createAll(client, oneShots(`${target.url}/old`, load));

  await system.api.end();
  await moveBack();
  await using api = await startApp("api", env);
  const backFrom = Date.now();
  await system.startWorker({ SCHEDULER_CONCURRENCY: String(slots) });
  await target.arrived(1);
  const backBy = Date.now();
  const again = createClient({ url: api.url, token });
  const soon = { from: Date.now() + leadMs, seconds: 2, perSecond: 5 };
  const fresh = await createAll(again, oneShots(`${target.url}/fresh`, soon));
  const owed = repeating.length + old.length + fresh.length;
  const executions = await vi.waitFor(() => settled(owed), { timeout: timeout / 2, interval: 500 });

  const byJob = Map.groupBy(executions, ({ job_id }) => job_id);
  for (const { id } of [...old, ...fresh]) expect(byJob.get(id)).toMatchObject([{ status: "succeeded" }]);
  for (const { id, first, everyMs } of repeating) expectOneRun(byJob.get(id) ?? [], { first, everyMs });
  expect(new Set(executions.map(({ job_id }) => job_id)).size).toBe(owed);
  const sent = executions.filter(({ status }) => status === "succeeded");
  expect(target.arrivals.length).toBe(sent.length);

  const backlog = target.arrivals.filter(({ path }) => path !== "/fresh");
  const late = target.arrivals.filter(({ path }) => path === "/fresh").map(lateMs);
  report("outage", {
    jobs: owed,
    requests: target.arrivals.length,
    missed: executions.length - sent.length,
    slots,
    "most at once": underWay.most,
    "backlog gone after ms": backlog.at(-1)!.at - backBy,
    "fresh late max ms": Math.max(...late),
  });
  expect(underWay.most).toBe(slots);
  expect(late.length).toBe(fresh.length);
  expect(Math.max(...late)).toBeLessThan(freshWithinMs);

  async function createRepeating() {
    const each = length(30, 300);
    const kinds = [1, 7, 45, 100].map((minutes) => ({
      first: begun + 30_000,
      everyMs: minutes * minuteMs,
      timing: { every_n_minutes: minutes, start_at: toInstant(begun + 30_000) },
    }));
    const crons = ["* * * * *", "*/15 * * * *"].map((cron, index) => {
      const everyMs = [1, 15][index]! * minuteMs;
      return {
        first: Math.ceil(begun / everyMs) * everyMs,
        everyMs,
        timing: { cron, start_at: toInstant(begun) },
      };
    });
    const jobs = [...kinds, ...crons].flatMap((kind) => Array.from({ length: each }, () => kind));
    const url = `${target.url}/repeating`;
    const created = await createAll(
      client,
      jobs.map(({ first, timing }) => ({
        job: { name: "repeating", url, ...timing },
        slots: [toInstant(first)],
      })),
    );
    return created.map(({ id }, index) => ({
      id,
      first: jobs[index]!.first - outageMs,
      everyMs: jobs[index]!.everyMs,
    }));
  }

  /** As if all had been made, and had stopped, hours ago. */
  async function moveBack(): Promise<void> {
    await using database = await connectDatabase(postgres.url);
    const columns = ["next_run_at", "run_at", "start_at", "end_at", "created_at", "updated_at"];
    const moved = columns.map((column) => `${column} = ${column} - interval '${outageMs} milliseconds'`);
    await database.query(`update scheduler.jobs set ${moved.join(", ")}`);
  }

  async function settled(jobs: number): Promise<Execution[]> {
    expect(target.arrivals.length).toBeGreaterThanOrEqual(jobs);
    const all = await allPages((cursor) => again.listExecutions({ limit: 100, ...cursor }));
    const open = all.filter(({ finished_at }) => finished_at === null);
    expect(open.length).toBe(0);
    return all;
  }

  /** One row for all that was missed, one run for the latest slot; then on as ever. */
  function expectOneRun(found: Execution[], { first, everyMs }: { first: number; everyMs: number }): void {
    const runs = found
      .filter(({ status }) => status === "succeeded")
      .map(({ scheduled_for }) => scheduled_for);
    const latest = Math.min(...runs.map((slot) => Date.parse(slot)));
    const latestAt = (at: number): number => first + Math.floor((at - first) / everyMs) * everyMs;
    expect([latestAt(backFrom), latestAt(backBy)]).toContain(latest);
    const later = runs.map((_, index) => toInstant(latest + index * everyMs));
    expect(runs.sort()).toEqual(later);
    const count = (latest - first) / everyMs;
    const missed = found.filter(({ status }) => status !== "succeeded");
    expect(missed.map(({ status, reason, scheduled_for }) => [status, reason, scheduled_for])).toEqual(
      count === 0 ? [] : [["skipped", "missed", toInstant(first)]],
    );
    if (count > 0) expect(missed[0]!.error!.message).toMatch(new RegExp(`^${count} slots? passed`));
  }
});

/** Lets the target answer slowly, and tells how many requests it had at once. */
function countUnderWay(target: Target): { most: number } {
  const count = { now: 0, most: 0 };
  target.answer((_, response) => {
    count.most = Math.max(count.most, ++count.now);
    setTimeout(() => {
      count.now--;
      response.end("ok");
    }, answerMs);
  });
  return count;
}
