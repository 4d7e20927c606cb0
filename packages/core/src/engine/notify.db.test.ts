import { expect, test } from "vitest";
import { startingWorkers, testBench } from "../testing/bench.ts";
import { startTarget } from "../testing/index.ts";

const { setup, target, run, createJobs } = testBench();

const startWorker = startingWorkers(setup);

const sent = async () => (await run("list_deliveries", { status: "sent", limit: 100 })).data.length;

test("two workers tell of each execution once, as soon as it is over", async () => {
  const ear = await startTarget();
  await Promise.all([startWorker(), startWorker()]);
  await createJobs(50, { callback_url: `${ear.url}/done` });
  await expect.poll(sent, { timeout: 10_000, interval: 20 }).toBe(50);
  const executions = ear.arrivals.map(
    ({ body }) => (JSON.parse(body) as { execution: { id: string } }).execution.id,
  );
  expect(new Set(executions).size).toBe(50);
  expect(executions).toHaveLength(50);
  for (const { body } of ear.arrivals) expect(body).toContain('"status":"succeeded"');
  await ear.close();
});

test("receivers that hang delay no fire, and keep no worker from stopping", async () => {
  const hanging = await startTarget();
  hanging.answer(() => {});
  const worker = await startWorker();
  await createJobs(30, { callback_url: `${hanging.url}/done` });
  await target.arrived(30);
  await hanging.arrived(5);
  await createJobs(10);
  await target.arrived(40);
  expect(worker.loopAges()).toHaveProperty("notify");
  // What it hands back is due again.
  const stopping = worker.stop();
  hanging.answer(200);
  await stopping;
  await startWorker();
  await expect.poll(sent, { timeout: 10_000, interval: 20 }).toBe(30);
  await hanging.close();
}, 30_000);
