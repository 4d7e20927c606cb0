import { expect, test } from "vitest";
import type { App } from "../e2e/start-app.ts";
import { createLoad, expectLoadDone, leadMs } from "./load.ts";
import { figuresOf, lateMs, report } from "./report.ts";
import { length, timeout } from "./size.ts";
import { startSystem } from "./system.ts";

const tenMinutesMs = 600_000;
/** Far more than a busy machine needs, where eight slots can barely keep up, and half of what the clocks are off. */
const latestMs = 300_000;

test("workers whose clocks are ten minutes off fire at the right instants", { timeout }, async () => {
  await using system = await startSystem("clock");
  const { client, target } = system;
  target.answer((_, response) => void setTimeout(() => response.end("ok"), 100 + Math.random() * 400));
  const preload = `--import=${new URL("shifted-clock.ts", import.meta.url).href}`;
  const startShifted = (shiftMs: number): Promise<App> =>
    system.startWorker({
      NODE_OPTIONS: preload,
      CLOCK_SHIFT_MS: String(shiftMs),
      // So few that neither can do it alone: 20 jobs a second, 0.3 s each.
      SCHEDULER_CONCURRENCY: "4",
    });
  const [ahead, behind] = await Promise.all([startShifted(tenMinutesMs), startShifted(-tenMinutesMs)]);
  const load = { from: Date.now() + leadMs, seconds: length(10, 120), perSecond: 20 };
  const owed = await createLoad(client, target.url, load);
  const reckoning = await expectLoadDone(client, owed, target);
  const fired = { ahead: await attemptsOf(ahead), behind: await attemptsOf(behind) };

  report("clock", { ...figuresOf(owed, reckoning, target), ...fired });
  expect(fired.ahead).toBeGreaterThan(0);
  expect(fired.behind).toBeGreaterThan(0);
  expect(reckoning.again).toEqual([]);
  const late = target.arrivals.map(lateMs);
  expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...late)).toBeLessThan(latestMs);
  for (const { scheduled_for, started_at, finished_at } of reckoning.executions) {
    expect(Math.abs(Date.parse(started_at!) - Date.parse(scheduled_for))).toBeLessThan(latestMs);
    expect(Date.parse(finished_at!)).toBeGreaterThanOrEqual(Date.parse(started_at!));
  }
  for (const { headers, at } of target.arrivals) {
    expect(Math.abs(Number(headers["sched-timestamp"]) * 1000 - at)).toBeLessThan(latestMs);
  }
  expect(await clockOffMs(ahead)).toBeGreaterThan(latestMs);
  expect(await clockOffMs(behind)).toBeLessThan(-latestMs);
});

async function attemptsOf({ url }: App): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^scheduler_attempts_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((total, [, count]) => total + Number(count), 0);
}

/** How far a worker's own clock is off, by what it logs when it is asked to stop. */
async function clockOffMs(worker: App): Promise<number> {
  const { output } = await worker.end();
  const stopping = output.split("\n").find((line) => line.includes("is stopping"));
  return (JSON.parse(stopping!) as { time: number }).time - Date.now();
}
