import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { beforeEach, expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";
import { createPresence, type Presence } from "./presence.ts";
import { forgetLostWorkers, loseWorkers } from "./presence.sql.ts";

const { setup } = testBench();
let now = { steady: 0, wall: 0 };

beforeEach(async () => {
  now = { steady: 1000, wall: 5000 };
  await sql`delete from scheduler.workers`.execute(setup.scheduler.engine.database.db);
});

function pass(seconds: number): void {
  now.steady += seconds * 1000;
  now.wall += seconds * 1000;
}

async function join(): Promise<Presence & { id: string }> {
  const self = { id: randomUUID(), host: "host", pid: 1, slots: 1 };
  const elapsing = { steady: () => now.steady, wall: () => now.wall };
  const presence = createPresence(setup.scheduler.engine.database.db, self, elapsing);
  await presence.beat();
  return { ...presence, id: self.id };
}

/** Lets some workers beat every three seconds. */
async function beatFor(seconds: number, ...workers: Presence[]): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 3) {
    pass(3);
    for (const worker of workers) await worker.beat();
  }
}

const ids = (worker: Presence): string[] => worker.silent().map(({ id }) => id);

test("who stops beating is silent after 15 s, and never the one who looks", async () => {
  const [one, other] = [await join(), await join()];
  await beatFor(6, other, one);
  await beatFor(12, one);
  expect(ids(one)).toEqual([]);
  await beatFor(3, one);
  expect(ids(one)).toEqual([other.id]);
  await beatFor(3, other, one);
  expect(ids(one)).toEqual([]);
});

test.each([6, 12, 20, 40, 120, 3600])(
  "an outage of the database of %i s makes nobody silent",
  async (seconds) => {
    const [one, other] = [await join(), await join()];
    await beatFor(6, one, other);
    pass(seconds);
    await one.beat();
    expect(ids(one)).toEqual([]);
    // The other's first beat may come a pause of its loop later.
    await beatFor(6, one);
    expect(ids(one)).toEqual([]);
    await beatFor(30, one, other);
    expect(ids(one)).toEqual([]);
  },
);

test("whoever died in an outage is silent 15 s after its end", async () => {
  const [one, other] = [await join(), await join()];
  await beatFor(6, one, other);
  pass(120);
  await one.beat();
  await beatFor(12, one);
  expect(ids(one)).toEqual([]);
  await beatFor(3, one);
  expect(ids(one)).toEqual([other.id]);
});

test.each([
  ["a machine that slept", { steady: 0, wall: 40_000 }],
  ["a process that was stopped", { steady: 40_000, wall: 40_000 }],
  ["a clock that was set", { steady: 3000, wall: -3_600_000 }],
])("%s takes nobody for silent", async (_, gone) => {
  const [one, other] = [await join(), await join()];
  await beatFor(6, one, other);
  now = { steady: now.steady + gone.steady, wall: now.wall + gone.wall };
  await one.beat();
  expect(ids(one)).toEqual([]);
  await beatFor(9, one);
  expect(ids(one)).toEqual([]);
});

test("one who was away too long is not sure of what it holds before it has beaten again", async () => {
  const one = await join();
  pass(11);
  expect(one.isSure()).toBe(true);
  pass(1);
  expect(one.isSure()).toBe(false);
  expect(await one.beat()).toEqual({ wasLost: false });
  expect(one.isSure()).toBe(true);
  now.wall += 40_000;
  expect(one.isSure()).toBe(false);
});

test("what others hold by a lease is left to them for a while after an outage, and at once by who is alone", async () => {
  const one = await join();
  expect(one.isUpToDate()).toBe(true);
  const other = await join();
  await beatFor(6, other, one);
  expect(one.isUpToDate()).toBe(true);
  pass(40);
  expect(one.isUpToDate()).toBe(false);
  await one.beat();
  await beatFor(12, other, one);
  expect(one.isUpToDate()).toBe(false);
  await beatFor(3, other, one);
  expect(one.isUpToDate()).toBe(true);
});

test("who was taken for lost learns it once, whether or not it has been forgotten by then", async () => {
  const [one, other] = [await join(), await join()];
  const { db } = setup.scheduler.engine.database;
  await beatFor(3, one, other);
  await beatFor(18, one);
  await loseWorkers(db, one.silent());
  expect(await other.beat()).toEqual({ wasLost: true });
  expect(await other.beat()).toEqual({ wasLost: false });
  await beatFor(18, one);
  await loseWorkers(db, one.silent());
  await forgetLostWorkers(db, [other.id]);
  expect(await other.beat()).toEqual({ wasLost: true });
  expect(await other.beat()).toEqual({ wasLost: false });
});

test("who beats in the last moment is not lost", async () => {
  const [one, other] = [await join(), await join()];
  await beatFor(3, one, other);
  await beatFor(18, one);
  const silent = one.silent();
  expect(silent).toHaveLength(1);
  await other.beat();
  await loseWorkers(setup.scheduler.engine.database.db, silent);
  expect(await other.beat()).toEqual({ wasLost: false });
});
