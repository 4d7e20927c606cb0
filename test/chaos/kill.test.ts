import type { Arrival } from "@org/scheduler-core/testing";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { keyOf } from "../oracle.ts";
import { seed, seededRandom } from "../seeded-random.ts";
import { createLoad, endOf, expectLoadDone, leadMs } from "./load.ts";
import { figuresOf, lateMs, report } from "./report.ts";
import { length, timeout } from "./size.ts";
import { startSystem } from "./system.ts";

/** What the design promises. */
const takenOverWithinMs = 30_000;
/** An answer that was given is still not safe until it is written. */
const settlingMs = 2000;
/** What was on its way when its worker was killed is seen to arrive a moment later. */
const onItsWayMs = 100;

test("workers that are killed again and again lose nothing", { timeout }, async () => {
  await using system = await startSystem("kill");
  const { client, target } = system;
  const random = seededRandom(seed);
  const answered = new Map<Arrival, number>();
  target.answer((arrival, response) => {
    const delayMs = 100 + Math.random() * 700;
    answered.set(arrival, arrival.at + delayMs);
    setTimeout(() => response.end("ok"), delayMs);
  });
  const workers = await Promise.all([system.startWorker(), system.startWorker()]);
  const load = { from: Date.now() + leadMs, seconds: length(10, 600), perSecond: 20 };
  const owed = await createLoad(client, target.url, load);

  await target.arrived(1);
  const kills: number[] = [];
  for (;;) {
    // Each lives long enough to notice who died before it, by a little.
    await sleep(length(3000, 13_000) * (0.85 + 0.3 * random()));
    const victim = kills.length % workers.length;
    kills.push(Date.now());
    await workers[victim]!.end("SIGKILL");
    // The last victim stays dead, and the other is alone with what it held.
    if (Date.now() > endOf(owed) - 4000) break;
    workers[victim] = await system.startWorker();
  }
  const reckoning = await expectLoadDone(client, owed, target);

  const sent = Map.groupBy(target.arrivals, keyOf);
  const takeovers = target.arrivals.filter(isLaterAttempt).map((later) => {
    const earlier = sent.get(keyOf(later))!;
    const before = earlier[earlier.indexOf(later) - 1];
    // One that was killed before it sent its request did so at about the request's instant.
    const from = (before?.at ?? later.at - lateMs(later)) - onItsWayMs;
    const killedAt = kills.find((at) => at >= from) ?? Infinity;
    if (before) {
      const safeAt = answered.get(before)! + settlingMs;
      const since = before.at - Math.max(...kills.filter((at) => at < before.at));
      expect(killedAt, `a request was sent again that nobody cut, ${since} ms after a kill`).toBeLessThan(
        safeAt,
      );
    }
    return later.at - killedAt;
  });
  const slowest = Math.max(...takeovers);
  report("kill", {
    kills: kills.length,
    ...figuresOf(owed, reckoning, target),
    "taken over after ms": slowest,
  });
  expect(takeovers.length, "no kill met a request under way").toBeGreaterThan(0);
  expect(slowest).toBeLessThan(takenOverWithinMs);
});

function isLaterAttempt({ headers }: Arrival): boolean {
  return headers["sched-attempt"] !== "1";
}
