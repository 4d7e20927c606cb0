import { afterAll, beforeAll, expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";
import { type NameServer, startNameServer } from "../testing/name-server.ts";
import { parseRange } from "../sending/address-guard.ts";
import { createSender } from "../sending/sender.ts";
import type { Engine } from "./engine.ts";
import { createWorker } from "./worker.ts";

const { setup, target, run } = testBench();
let names: NameServer;
let engine: Engine;

beforeAll(async () => {
  names = await startNameServer();
  names.say("dead.test", "silence");
  names.say("alive.test", ["127.0.0.1"]);
  const sender = createSender([parseRange("127.0.0.0/8")], { servers: [names.address] });
  engine = { ...setup.scheduler.engine, sender };
});
afterAll(async () => {
  await engine.sender.close();
  await names.close();
});

test(
  "a name whose servers are silent delays neither other names nor the API",
  { timeout: 30_000 },
  async () => {
    const { port } = new URL(target.url);
    const jobs = (host: string, count: number) =>
      Array.from({ length: count }, (_, number) => ({
        name: host,
        url: `http://${host}:${port}/${number}`,
        retry: { max_attempts: 1 },
      }));
    await run("create_jobs", { jobs: jobs("dead.test", 100) });
    const worker = createWorker(engine, { concurrency: 50 });
    await worker.start();
    const answeredWithin: number[] = [];
    try {
      await expect.poll(() => names.asked.includes("dead.test"), { timeout: 10_000 }).toBe(true);
      for (let round = 1; round <= 5; round++) {
        const begun = performance.now();
        await run("create_jobs", { jobs: jobs("alive.test", 4) });
        await target.arrived(4 * round);
        answeredWithin.push(performance.now() - begun);
      }
      // Each would have waited for as long as the dead name's servers keep silent.
      expect(Math.max(...answeredWithin)).toBeLessThan(3000);
      const count = async (status: "succeeded" | "failed") =>
        (await run("list_executions", { status, limit: 100 })).data.length;
      await expect.poll(() => count("failed"), { timeout: 20_000, interval: 100 }).toBe(100);
      expect(await count("succeeded")).toBe(20);
      const { data } = await run("list_executions", { status: "failed", limit: 100 });
      expect(new Set(data.map(({ error }) => error!.code))).toEqual(new Set(["dns", "circuit_open"]));
    } finally {
      await worker.stop();
    }
  },
);
