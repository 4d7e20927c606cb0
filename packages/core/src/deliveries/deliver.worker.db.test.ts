import { sql } from "kysely";
import { expect, test } from "vitest";
import { startingWorkers, testBench } from "../testing/bench.ts";
import { startTarget } from "../testing/index.ts";

const { setup, target, run, create, createJobs } = testBench();

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
  expect(worker.loopAges()).toHaveProperty("deliver");
  // What it hands back is due again.
  const stopping = worker.stop();
  hanging.answer(200);
  await stopping;
  await startWorker();
  await expect.poll(sent, { timeout: 10_000, interval: 20 }).toBe(30);
  await hanging.close();
}, 30_000);

test.each([
  { receiver: "hangs", answer: () => {} },
  { receiver: "refuses", answer: 500 },
  { receiver: "answers", answer: 200 },
])(
  "ten thousand deliveries to a receiver that $receiver hold up nobody else's",
  async ({ answer }) => {
    const dead = await startTarget();
    dead.answer(answer);
    const ear = await startTarget();
    const { database, deliveries } = setup.scheduler.engine;
    const job = await create({ cron: "0 0 1 1 *", callback_url: `${dead.url}/done` });
    await run("cancel_execution", { execution_id: (await run("run_job", { job_id: job.id })).id });
    // As if that had happened ten thousand times.
    const { rows } = await sql<{ id: string; scope_id: number }>`
    insert into scheduler.deliveries (id, scope_id, kind, execution_id, job_id, url, status, due_at, created_at)
    select gen_random_uuid(), d.scope_id, 'another', d.execution_id, d.job_id, d.url, d.status, d.due_at, d.created_at
    from scheduler.deliveries d, generate_series(1, 10000)
    returning id, scope_id`.execute(database.db);
    const share = `${rows[0]!.scope_id} ${new URL(dead.url).host}`;
    const waiting = rows.map(({ id, scope_id }) => ({ id, scope_id, share, dueAt: new Date() }));
    await deliveries.put(database.db, waiting);
    await startWorker();
    await dead.arrived(1);
    for (let done = 1; done <= 5; done++) {
      await create({ callback_url: `${ear.url}/done` });
      await ear.arrived(done);
    }
    expect(dead.arrivals.length).toBeLessThan(9000);
    await dead.close();
    await ear.close();
  },
  30_000,
);
