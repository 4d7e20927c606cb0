import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { otherProcess, startingWorkers, testBench } from "../testing/bench.ts";

// Queues as the receiver sees them: real workers, real time.

const { setup, target, run, create, createJobs } = testBench();
const other = otherProcess(setup);

const startWorker = startingWorkers(setup);
// Whoever hangs lets its worker stop.
afterEach(() => target.answer(200));

/** Answers after a while and remembers how many were under way at once at the most. */
function watchTogether(answerAfterMs: number): { most: number } {
  const seen = { most: 0 };
  let together = 0;
  target.answer(async (_, response) => {
    seen.most = Math.max(seen.most, ++together);
    await sleep(answerAfterMs);
    together--;
    response.end("ok");
  });
  return seen;
}

test("no more run at once than the queue allows, while workers join and leave", async () => {
  await run("update_queue", { name: "a", concurrency: 3 });
  const seen = watchTogether(20);
  await createJobs(60, { queue: "a" });
  const first = await startWorker();
  await startWorker(other);
  await target.arrived(20);
  await Promise.all([first.stop(), startWorker(other)]);
  await target.arrived(60);
  expect(seen.most).toBe(3);
  expect(new Set(target.arrivals.map(({ path }) => path)).size).toBe(60);
});

test("one at a time arrives in the order it was due, whichever worker sends it", async () => {
  await run("update_queue", { name: "a", concurrency: 1 });
  const seen = watchTogether(5);
  for (let number = 0; number < 20; number++) await create({ url: `${target.url}/${number}`, queue: "a" });
  await Promise.all([startWorker(), startWorker(other)]);
  await target.arrived(20);
  expect(target.arrivals.map(({ path }) => path)).toEqual(
    Array.from({ length: 20 }, (_, number) => `/${number}`),
  );
  expect(seen.most).toBe(1);
});

test("a queue that is full of hanging requests holds back nobody else", async () => {
  await run("update_queue", { name: "stuck", concurrency: 2 });
  const stuck: ServerResponse[] = [];
  target.answer(({ path }, response) => {
    if (path.startsWith("/stuck")) stuck.push(response);
    else response.end("ok");
  });
  await startWorker(setup.scheduler, { concurrency: 10 });
  for (let number = 0; number < 30; number++)
    await create({ url: `${target.url}/stuck/${number}`, queue: "stuck", timeout_seconds: 30 });
  await target.arrived(2);
  await createJobs(20);
  await target.arrived(22);
  expect(stuck).toHaveLength(2);
  await run("pause_queue", { name: "stuck" });
  for (const response of stuck) response.end();
});

test("no more arrive in any period than the queue may send, and not much less", async () => {
  await run("update_queue", { name: "a", rate_limit: { max: 5, period_seconds: 1 } });
  await createJobs(12, { queue: "a" });
  const begun = Date.now();
  await Promise.all([startWorker(), startWorker(other)]);
  await target.arrived(12);
  const [sixth, eleventh] = [5, 10].map((index) => target.arrivals[index]!.at - begun);
  expect(sixth).toBeGreaterThanOrEqual(1000);
  expect(eleventh).toBeGreaterThanOrEqual(2000);
  expect(eleventh).toBeLessThan(4000);
});

test("a job of a limited queue is as punctual as any", async () => {
  await run("update_queue", { name: "a", concurrency: 5 });
  await startWorker();
  const due = Date.now() + 1500;
  await create({ queue: "a", run_at: new Date(due).toISOString() });
  await target.arrived(1);
  const late = target.arrivals[0]!.at - due;
  expect(late).toBeGreaterThanOrEqual(0);
  expect(late).toBeLessThan(250);
});

test("a queue that is resumed goes on at once", async () => {
  await run("pause_queue", { name: "a" });
  await startWorker();
  await createJobs(5, { queue: "a" });
  await expect.poll(async () => (await run("list_queues", {})).data[0]?.waiting, { timeout: 5000 }).toBe(5);
  const begun = performance.now();
  await run("resume_queue", { name: "a" });
  await target.arrived(5);
  expect(performance.now() - begun).toBeLessThan(900);
});

test("a queue that goes first, and one that is only limited, go on through a backlog elsewhere", async () => {
  const jobs = Array.from({ length: 1000 }, (_, number) => ({
    name: "backlog",
    url: `${target.url}/backlog/${number}`,
  }));
  await run("create_jobs", { jobs });
  await startWorker(setup.scheduler, { concurrency: 4 });
  await target.arrived(50);
  await run("update_queue", { name: "first", priority: 10 });
  await run("update_queue", { name: "limited", concurrency: 2 });
  await create({ url: `${target.url}/first`, queue: "first" });
  await create({ url: `${target.url}/limited`, queue: "limited" });
  const before = target.arrivals.length;
  await target.arrived(1002);
  const places = ["/first", "/limited"].map((path) => target.arrivals.findIndex((one) => one.path === path));
  for (const place of places) expect(place).toBeLessThan(before + 400);
});
