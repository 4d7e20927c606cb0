import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { Job } from "@org/scheduler-contract";
import { testBench } from "../testing/bench.ts";
import { drain, testClock } from "../testing/index.ts";
import { reconcile, startReconciling } from "./reconcile.ts";

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run, create } = testBench({ clock });

function at(minute: number): string {
  return new Date(Date.UTC(2026, 2, 1, 12, minute)).toISOString();
}

/** What fires when the clock stands at each minute in turn. */
async function fire(from: number, to: number): Promise<string[]> {
  const state = startReconciling({ workerId: randomUUID() });
  const fired: string[] = [];
  for (let minute = from; minute <= to; minute++) {
    clock.set(at(minute));
    await reconcile(setup.scheduler.engine, state);
    fired.push(...(await drain(setup.scheduler, clock)).map(({ scheduled_for }) => scheduled_for));
  }
  return fired;
}

const minutes = (...list: number[]): string[] => list.map(at);
const nextRun = async ({ id }: Job) => (await run("get_job", { job_id: id })).next_run_at;

describe("a clock that is put back an hour", () => {
  test("fires no slot twice and leaves none out, and explain_job says why nothing fires", async () => {
    const job = await create({ cron: "*/10 * * * *", max_runs: 9 });
    expect(await fire(0, 60)).toEqual(minutes(10, 20, 30, 40, 50, 60));
    expect(await fire(1, 30)).toEqual([]);
    for (const asked of [{}, { at: at(40) }, { at: at(60) }])
      expect(await run("explain_job", { job_id: job.id, ...asked })).toMatchObject({
        verdict: "fired",
        explanation: expect.stringMatching(
          /clock was put back: it is 2026-03-01T12:30:00.000Z now\. .* next run is at 2026-03-01T13:10:00/,
        ) as string,
        advice: expect.stringContaining("clock of the database's server") as string,
      });
    expect(await fire(31, 100)).toEqual(minutes(70, 80, 90));
    expect(await nextRun(job)).toBeNull();
    expect(target.arrivals).toHaveLength(9);
  });

  test.each([
    ["a cron", { cron: "*/10 * * * *" }],
    ["an interval", { every_n_minutes: 10 }],
  ])("lets %s fire what it has not fired yet", async (_, timing) => {
    clock.set(at(60));
    const job = await create({ ...timing });
    expect(await nextRun(job)).toBe(at(70));
    expect(await fire(1, 30)).toEqual(minutes(10, 20, 30));
    expect(await run("explain_job", { job_id: job.id })).toMatchObject({ verdict: "fired" });
    expect(await fire(31, 90)).toEqual(minutes(40, 50, 60, 70, 80, 90));
  });

  test("counts no run for a slot that has fired already", async () => {
    clock.set(at(19));
    const job = await create({ cron: "*/10 * * * *", max_runs: 4 });
    expect(await fire(19, 20)).toEqual(minutes(20));
    expect(await fire(5, 60)).toEqual(minutes(10, 30, 40));
    expect(await nextRun(job)).toBeNull();
    expect(await run("get_job", { job_id: job.id })).toMatchObject({ state: "completed" });
  });

  test("does not start a job before its time, nor one that waits for a day that is far", async () => {
    const later = await create({ cron: "0 * * * *", start_at: "2026-03-02T00:00:00Z" });
    const interval = await create({ every_n_minutes: 10, start_at: "2026-03-02T00:00:00Z" });
    const yearly = await create({ cron: "0 0 1 1 *" });
    expect(await fire(-60, 0)).toEqual([]);
    expect(await Promise.all([later, interval, yearly].map(nextRun))).toEqual([
      "2026-03-02T00:00:00.000Z",
      "2026-03-02T00:00:00.000Z",
      "2027-01-01T00:00:00.000Z",
    ]);
  });
});
