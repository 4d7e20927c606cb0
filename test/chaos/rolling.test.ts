import { expect, test } from "vitest";
import { createLoad, endOf, expectLoadDone, leadMs } from "./load.ts";
import { figuresOf, report } from "./report.ts";
import { length, timeout } from "./size.ts";
import { startSystem } from "./system.ts";

test("workers that are restarted one after the other send each slot exactly once", { timeout }, async () => {
  await using system = await startSystem("rolling");
  const { client, target } = system;
  target.answer((_, response) => void setTimeout(() => response.end("ok"), 100 + Math.random() * 700));
  const workers = await Promise.all([system.startWorker(), system.startWorker(), system.startWorker()]);
  const load = { from: Date.now() + leadMs, seconds: length(12, 420), perSecond: 10 };
  const owed = await createLoad(client, target.url, load);

  await target.arrived(1);
  let restarts = 0;
  let slowestStopMs = 0;
  for (; Date.now() < endOf(owed) - 1000; restarts++) {
    const next = restarts % workers.length;
    const begun = performance.now();
    const { code, output } = await workers[next]!.end("SIGTERM");
    slowestStopMs = Math.max(slowestStopMs, Math.round(performance.now() - begun));
    expect(code, output).toBe(0);
    workers[next] = await system.startWorker();
  }
  const reckoning = await expectLoadDone(client, owed, target);

  report("rolling", {
    restarts,
    ...figuresOf(owed, reckoning, target),
    "slowest stop ms": slowestStopMs,
  });
  expect(reckoning.again).toEqual([]);
  expect(reckoning.interrupted).toBe(0);
  expect(restarts).toBeGreaterThanOrEqual(workers.length);
});
