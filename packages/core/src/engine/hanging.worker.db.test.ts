import { afterEach, expect, test } from "vitest";
import { startingWorkers, testBench } from "../testing/bench.ts";
import { startTarget, type Target } from "../testing/index.ts";

const { setup, target, run, create } = testBench({ job: { retry: { max_attempts: 1 } } });
const startWorker = startingWorkers(setup);

const hanging: Target[] = [];
afterEach(async () => {
  for (const one of hanging.splice(0)) await one.close();
});

/** So many hosts that never answer; each port is one. */
async function startHanging(count: number): Promise<string[]> {
  for (let started = 0; started < count; started++) {
    const one = await startTarget();
    one.answer(() => {});
    hanging.push(one);
  }
  return hanging.map(({ url }) => url);
}

const arrived = (): number => hanging.reduce((sum, { arrivals }) => sum + arrivals.length, 0);

/** Asks the target until its last answer came soon, which takes several requests on a busy machine. Answers how many. */
async function answersSoon(): Promise<number> {
  for (let asked = 1; ; asked++) {
    const job = await create({ url: target.url });
    const isOver = async () => (await run("list_executions", { job_id: job.id, status: "succeeded" })).data;
    await expect.poll(isOver, { interval: 10 }).toHaveLength(1);
    const { attempts } = await run("get_execution", { execution_id: (await isOver())[0]!.id });
    if (attempts[0]!.latency_ms < 200) return asked;
  }
}

test("a fleet of hosts that hang takes the slots neither of others nor of its own half's good hosts", async () => {
  const urls = await startHanging(60);
  await startWorker(setup.scheduler, { concurrency: 20 });
  const known = await answersSoon();
  const jobs = urls.map((url) => ({ name: "hangs", url, timeout_seconds: 60 }));
  await run("create_jobs", { jobs });
  await expect.poll(arrived, { timeout: 10_000 }).toBeGreaterThan(10);
  const other = await startTarget();
  const begun = performance.now();
  for (let round = 1; round <= 5; round++) {
    await run("create_jobs", { jobs: [{ name: "theirs", url: other.url }] }, setup.testCaller);
    await create({ url: target.url });
    await Promise.all([other.arrived(round), target.arrived(known + round)]);
  }
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(arrived()).toBeLessThan(20);
  await other.close();
});

test("receivers of callbacks that hang hold up those of neither half", async () => {
  const urls = await startHanging(6);
  const ear = await startTarget();
  await startWorker();
  const calling = (urls: string[], count: number) =>
    urls.flatMap((callback_url) =>
      Array.from({ length: count }, () => ({ name: "calls", url: target.url, callback_url })),
    );
  await run("create_jobs", { jobs: calling(urls, 10) });
  await expect.poll(arrived, { timeout: 10_000 }).toBe(30);
  const begun = performance.now();
  await run("create_jobs", { jobs: calling([ear.url], 3) });
  await run("create_jobs", { jobs: calling([ear.url], 3) }, setup.testCaller);
  await ear.arrived(6);
  // One of them that times out takes 15 s.
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(arrived()).toBe(30);
  await ear.close();
});
