import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { silentLog } from "../log.ts";
import { type Loop, startLoop } from "./loop.ts";

const loops: Loop[] = [];
afterEach(async () => {
  for (const loop of loops.splice(0)) await loop.stop();
});

const long = 60_000;

/** A loop whose turns are numbered, with a promise of each. */
function start(turn: (count: number) => number | Promise<number>): {
  loop: Loop;
  turned(count: number): Promise<void>;
} {
  let count = 0;
  const waiting: { count: number; resolve: () => void }[] = [];
  const loop = startLoop({
    name: "test",
    log: silentLog,
    turn: async () => {
      count++;
      for (const one of waiting) if (one.count <= count) one.resolve();
      return turn(count);
    },
  });
  loops.push(loop);
  return {
    loop,
    turned: (wanted) =>
      new Promise((resolve) => {
        if (count >= wanted) resolve();
        else waiting.push({ count: wanted, resolve });
      }),
  };
}

test("turns again after the pause that a turn asks for, or at once", async () => {
  const pauses = [5, 0, 5];
  const begun = performance.now();
  const { turned } = start((count) => pauses[count - 1] ?? long);
  await turned(4);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(8);
});

test("a wake ends the pause", async () => {
  const { loop, turned } = start(() => long);
  await turned(1);
  await sleep(1);
  loop.wake();
  await turned(2);
});

test("a wake during a turn is not lost", async () => {
  const inTurn = Promise.withResolvers<void>();
  const { loop, turned } = start(async (count) => {
    if (count === 1) await inTurn.promise;
    return long;
  });
  await turned(1);
  loop.wake();
  inTurn.resolve();
  await turned(2);
});

test("many wakes during a turn make one more turn, not many", async () => {
  const inTurn = Promise.withResolvers<void>();
  let turns = 0;
  const { loop, turned } = start(async (count) => {
    turns++;
    if (count === 1) await inTurn.promise;
    return long;
  });
  await turned(1);
  for (let count = 0; count < 10; count++) loop.wake();
  inTurn.resolve();
  await turned(2);
  await sleep(5);
  expect(turns).toBe(2);
});

test("goes on after anything that a turn throws", async () => {
  const thrown: unknown[] = [new Error("no database"), "a text", undefined, null];
  const { turned } = start((count) => {
    if (count <= thrown.length) throw thrown[count - 1];
    return long;
  });
  await turned(5);
});

test("a wake does not cut short the pause after a failure: outcomes would hammer a database that is away", async () => {
  const times: number[] = [];
  const { loop, turned } = start((count) => {
    times.push(performance.now());
    if (count <= 3) throw new Error("away");
    return long;
  });
  const hammer = setInterval(() => loop.wake(), 1);
  await turned(4);
  clearInterval(hammer);
  const pauses = times.slice(1).map((time, index) => time - times[index]!);
  for (const [index, least] of [50, 100, 200].entries())
    expect(pauses[index]).toBeGreaterThanOrEqual(least - 2);
});

test("a wake that came while turns failed is served by the next turn", async () => {
  const { loop, turned } = start((count) => {
    if (count === 1) throw new Error("away");
    return long;
  });
  await turned(1);
  loop.wake();
  await turned(2);
  await sleep(1);
  loop.wake();
  await turned(3);
});

test("stop during a pause ends at once", async () => {
  let turns = 0;
  const { loop, turned } = start(() => {
    turns++;
    return long;
  });
  await turned(1);
  await sleep(1);
  await loop.stop();
  loop.wake();
  await sleep(5);
  expect(turns).toBe(1);
});

test("stop during the pause after a failure ends at once", async () => {
  const { loop, turned } = start(() => {
    throw new Error("away");
  });
  // After the fourth failure it is between 400 and 800 ms.
  await turned(4);
  await sleep(1);
  const begun = performance.now();
  await loop.stop();
  expect(performance.now() - begun).toBeLessThan(300);
});

test("stop lets the turn finish, and may be called twice", async () => {
  const inTurn = Promise.withResolvers<void>();
  let finished = false;
  const { loop, turned } = start(async () => {
    await inTurn.promise;
    finished = true;
    return 0;
  });
  await turned(1);
  const stopped = Promise.all([loop.stop(), loop.stop()]);
  inTurn.resolve();
  await stopped;
  expect(finished).toBe(true);
});

test("age tells a loop that turns from one that only fails", async () => {
  const { loop: good, turned } = start(() => 1);
  const { loop: bad, turned: failed } = start(() => {
    throw new Error("away");
  });
  await Promise.all([turned(20), failed(2)]);
  expect(bad.age()).toBeGreaterThan(20);
  expect(good.age()).toBeLessThan(bad.age());
});
