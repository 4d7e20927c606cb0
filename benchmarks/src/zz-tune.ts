import { PgBoss } from "pg-boss";
import { run, makeWorkerUtils, Logger } from "graphile-worker";
import { openStage } from "./harness/stage.ts";
import { createSend } from "./peers/send.ts";
import { chunksOf } from "./peers/contender.ts";
import { lastArrival } from "./harness/statistics.ts";
await using stage = await openStage({ quick: process.argv[4] === "q", profile: false });
const count = Number(process.argv[3] ?? 5000);
const send = createSend();
const results: Record<string, number[]> = {};
async function time(name: string, go: () => Promise<() => Promise<void>>) {
  await stage.target.reset({ expected: count });
  const begun = Date.now();
  const stop = await go();
  await stage.target.arrived();
  (results[name] ??= []).push(Math.round(count / (lastArrival(await stage.target.noted()) - begun) * 1000));
  await stop();
}
for (let round = 0; round < 3; round++) {
  if (process.argv[2] === "boss") for (const [l, b] of [[1, 100], [2, 50], [4, 25], [5, 20], [10, 10]] as const) {
    await using database = await stage.databases.create("empty");
    const boss = new PgBoss({ connectionString: database.url, supervise: false, schedule: false });
    await boss.start(); await boss.createQueue("q", { retryLimit: 0 });
    await time(`${l}x${b}`, async () => {
      for (const c of chunksOf({ url: stage.target.url, count }, (url) => ({ data: { url } }))) await boss.insert("q", c, { returnId: false });
      await boss.work<{url: string}>("q", { localConcurrency: l, batchSize: b, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }, async (batch) => { await Promise.all(batch.map(({ data }) => send(data.url))); });
      return async () => { await boss.stop({ graceful: false }); };
    });
  }
  else for (const [size, delay] of [[101, 0], [500, 0], [101, 25], [500, 25], [1000, 0]] as const) {
    const database = await stage.databases.create("empty");
    const logger = new Logger(() => () => {});
    const utils = await makeWorkerUtils({ connectionString: database.url, logger }); await utils.migrate();
    await time(`${size}/${delay}`, async () => {
      for (const c of chunksOf({ url: stage.target.url, count }, (url) => ({ identifier: "send", payload: { url } }))) await utils.addJobs(c);
      const runner = await run({ logger, noHandleSignals: true, taskList: { send: (p) => send((p as {url: string}).url) }, preset: { worker: { connectionString: database.url, concurrentJobs: 100, maxPoolSize: 102, localQueue: { size }, completeJobBatchDelay: delay, failJobBatchDelay: delay } } });
      return async () => { await runner.stop(); await utils.release(); };
    });
  }
}
console.log(results);
