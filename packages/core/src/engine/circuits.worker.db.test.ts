import type { ServerResponse } from "node:http";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { testBench } from "../testing/bench.ts";
import { type Answerer, startTarget, type Target } from "../testing/index.ts";
import type { Worker } from "./worker.ts";

const { setup, target, run, create, createJobs } = testBench();
const retry = { strategy: "fixed", base_seconds: 3600, jitter: false } as const;

let worker: Worker;
let other: Target;
beforeEach(async () => {
  other = await startTarget();
  worker = setup.scheduler.createWorker({ concurrency: 4 });
  await worker.start();
});
afterEach(async () => {
  await worker.stop();
  await other.close();
});

const hangUp: Answerer = (_arrival, _response, request) => void request.socket.destroy();

/** How many executions each error code ended last. */
async function errors(): Promise<Record<string, number>> {
  const { rows } = await sql<{ code: string; count: number }>`
    select coalesce(error_code, status) as code, count(*)::integer as count
    from scheduler.executions group by 1`.execute(setup.scheduler.engine.database.db);
  return Object.fromEntries(rows.map(({ code, count }) => [code, count]));
}

async function openCircuits(): Promise<unknown[]> {
  const { rows } = await sql`select scope_id, host, failures from scheduler.open_circuits`.execute(
    setup.scheduler.engine.database.db,
  );
  return rows;
}

const soon = { timeout: 15_000, interval: 20 };
// A worker tells what it knows of hosts every three seconds.
vi.setConfig({ testTimeout: 30_000 });

test("a host that does not answer is known to all, and takes one slot at the most", async () => {
  target.answer(hangUp);
  await createJobs(10, { retry });
  await expect.poll(errors, soon).toEqual({ reset: 10 });

  // Now it hangs, and there are many more requests to it than slots.
  const hanging: ServerResponse[] = [];
  target.answer((_, response) => void hanging.push(response));
  await createJobs(30, { retry });
  const others = async (): Promise<number> => {
    const { circuit_open = 0, running = 0 } = await errors();
    expect(running).toBeLessThanOrEqual(1);
    return circuit_open + running;
  };
  await expect.poll(others, soon).toBe(30);
  await createJobs(5, { url: `${other.url}/`, retry });
  await expect.poll(errors, soon).toMatchObject({ succeeded: 5 });
  expect(worker.slots().busy).toBeLessThanOrEqual(1);

  const { host } = new URL(target.url);
  const known = { scope_id: setup.caller.scopeId, host, failures: 10 };
  await expect.poll(openCircuits, soon).toEqual([known]);
  const job = await create({ when: "in 1h" });
  expect(await run("explain_job", { job_id: job.id })).toMatchObject({
    explanation: expect.stringContaining("requests to it are held back") as string,
  });
  target.answer(hangUp);
  for (const response of hanging) response.destroy();
  await worker.stop();
  expect(await openCircuits()).toEqual([]);
});

test("a host that answers again is taken up again, and nobody is told otherwise", async () => {
  target.answer(hangUp);
  await createJobs(10, { retry });
  await expect.poll(openCircuits, soon).toHaveLength(1);
  target.answer(200);
  await createJobs(1, { retry: { ...retry, base_seconds: 0.2 } });
  await expect.poll(errors, soon).toEqual({ reset: 10, succeeded: 1 });
  await expect.poll(openCircuits, soon).toEqual([]);
});
