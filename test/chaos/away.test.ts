import { setTimeout as sleep } from "node:timers/promises";
import { type Answerer, startTarget } from "@org/scheduler-core/testing";
import { expect, test } from "vitest";
import { keyOf, type Owed } from "../oracle.ts";
import { createAll, expectLoadDone, leadMs, oneShots } from "./load.ts";
import { figuresOf, report } from "./report.ts";
import { length, timeout } from "./size.ts";
import { startSystem, type System } from "./system.ts";

/** How long the database is away, and how long the requests take that are under way then. */
const outages: { awaySeconds: number; requestSeconds: number[] }[] = length(
  [{ awaySeconds: 20, requestSeconds: [1, 24] }],
  [
    { awaySeconds: 5, requestSeconds: [1, 45, 120] },
    { awaySeconds: 12, requestSeconds: [1, 45] },
    { awaySeconds: 20, requestSeconds: [1, 45] },
    { awaySeconds: 40, requestSeconds: [1, 45] },
    { awaySeconds: 120, requestSeconds: [1, 45, 120] },
  ],
);
const stoppedSeconds = length(18, 40);
/** What the design promises. */
const takenOverWithinMs = 30_000;

/** Requests take as many seconds as their path says. */
const slowly: Answerer = ({ path }, response) => {
  setTimeout(() => response.end("ok"), Number(path.split("/")[1]) * 1000);
};

async function startSlow(name: string): Promise<System> {
  const system = await startSystem(name);
  system.target.answer(slowly);
  return system;
}

/** Jobs due within seconds, a few of each length; resolves once the long ones are under way. */
async function sendSlow(
  { client, target }: System,
  requestSeconds: number[],
  callback_url?: string,
): Promise<Owed[]> {
  const from = Date.now() + leadMs;
  const arrived = target.arrivals.length;
  const owed = await Promise.all(
    requestSeconds.map((seconds) => {
      const load = { from, seconds: seconds === 1 ? 8 : 1, perSecond: seconds === 1 ? 5 : 10 };
      const jobs = oneShots(`${target.url}/${seconds}`, load);
      return createAll(
        client,
        // What is sent twice is told by arrivals; a retry would hide it.
        jobs.map(({ job, slots }) => ({
          slots,
          job: {
            ...job,
            timeout_seconds: 200,
            method: "POST",
            retry: { max_attempts: 1 },
            ...(callback_url && { callback_url }),
          },
        })),
      );
    }),
  );
  await target.arrived(arrived + 10 * (requestSeconds.length - 1) + 5);
  return owed.flat();
}

test.concurrent.each([1, 3])(
  "with %i workers, a database that is away makes nobody send again what is under way",
  { timeout },
  async (count) => {
    await using system = await startSlow(`away, ${count} workers`);
    const { client, target, postgres } = system;
    const ear = await startTarget();
    await using closing = new AsyncDisposableStack();
    closing.defer(() => ear.close());
    ear.answer(slowly);
    await Promise.all(Array.from({ length: count }, () => system.startWorker()));
    const owed: Owed[] = [];
    for (const { awaySeconds, requestSeconds } of outages) {
      owed.push(...(await sendSlow(system, requestSeconds, `${ear.url}/4`)));
      await postgres.stop(awaySeconds % 2 === 0 ? "fast" : "immediate");
      await sleep(awaySeconds * 1000);
      await postgres.restart();
      await target.arrived(owed.length);
      await sleep(Math.max(...requestSeconds.filter((seconds) => seconds < 100)) * 1000);
    }
    const reckoning = await expectLoadDone(client, owed, target);
    await ear.arrived(owed.length);
    const told = new Set(ear.arrivals.map(keyOf));
    report(`away, ${count} workers`, {
      ...figuresOf(owed, reckoning, target),
      callbacks: told.size,
      "told twice": ear.arrivals.length - told.size,
    });
    expect(reckoning.again).toEqual([]);
    expect(ear.arrivals.length).toBe(told.size);
  },
);

test.concurrent("a machine that sleeps sends nothing twice when it wakes up", { timeout }, async () => {
  await using system = await startSlow("asleep");
  const { client, target, postgres } = system;
  const workers = [await system.startWorker(), await system.startWorker()];
  const owed = await sendSlow(system, [1, length(22, 45)]);
  const all = [...[...workers, system.api].map(({ pid }) => pid), ...(await postgres.pids())];
  for (const pid of all) process.kill(pid, "SIGSTOP");
  await sleep(stoppedSeconds * 1000);
  for (const pid of all) process.kill(pid, "SIGCONT");
  const reckoning = await expectLoadDone(client, owed, target);
  report("asleep", { "processes stopped": all.length, ...figuresOf(owed, reckoning, target) });
  expect(reckoning.again).toEqual([]);
});

test.concurrent("a worker that was stopped sends nothing again when it goes on", { timeout }, async () => {
  await using system = await startSlow("stopped");
  const { client, target } = system;
  const workers = [await system.startWorker({ SCHEDULER_CONCURRENCY: "8" }), await system.startWorker()];
  const owed = await sendSlow(system, [1, length(30, 45)]);
  process.kill(workers[0]!.pid, "SIGSTOP");
  const stoppedAt = Date.now();
  await sleep((stoppedSeconds + 6) * 1000);
  const before = new Set(target.arrivals.map(keyOf));
  const goesOnAt = Date.now();
  process.kill(workers[0]!.pid, "SIGCONT");
  const reckoning = await expectLoadDone(client, owed, target);
  const later = reckoning.again.filter(({ at }) => at >= goesOnAt);
  report("stopped", {
    ...figuresOf(owed, reckoning, target),
    "taken over after ms": reckoning.again.map(({ at }) => at - stoppedAt).join("/"),
  });
  expect(reckoning.again.length, "nobody took over").toBeGreaterThan(0);
  expect(later.filter((arrival) => before.has(keyOf(arrival)))).toEqual([]);
});

test.concurrent("a worker that dies while the database is away is taken over", { timeout }, async () => {
  await using system = await startSlow("dead");
  const { client, target, postgres } = system;
  const workers = [await system.startWorker(), await system.startWorker(), await system.startWorker()];
  const owed = await sendSlow(system, [1, length(12, 45)]);
  await postgres.stop();
  await workers[0]!.end("SIGKILL");
  await sleep(length(8000, 40_000));
  await postgres.restart();
  const backAt = Date.now();
  const reckoning = await expectLoadDone(client, owed, target);
  const takenOver = reckoning.again.map(({ at }) => at - backAt);
  report("dead", { ...figuresOf(owed, reckoning, target), "taken over after ms": Math.max(...takenOver) });
  expect(takenOver.length, "the dead worker had nothing under way").toBeGreaterThan(0);
  expect(Math.max(...takenOver)).toBeLessThan(takenOverWithinMs);
});
