import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { chunksOf, type ContenderSettings, type Peer } from "./contender.ts";
import { createSend } from "./send.ts";

const task = "send";

/**
 * graphile-worker, bare: `addJobs` in bulk, a task with a request in it.
 * Source: https://worker.graphile.org/docs/performance#batching
 *
 * - `localQueue.size` 500 and both batch delays 0 are the settings of their own published figures, and had the best median of
 *   sizes 101, 500 and 1,000 and delays 0 and 25; for lateness `concurrentJobs + 1`, their sensible default.
 * - `pollInterval` is how late a job with a future `run_at` is noticed: 2,000 ms by default. With a local queue one poller
 *   serves all slots, so 10 ms are affordable: a hundred small queries a second.
 * - `maxPoolSize` is `concurrentJobs + 2` as documented; with batching few of them are opened.
 */
export async function openGraphileWorker({ databaseUrl, slots, tunedFor }: ContenderSettings): Promise<Peer> {
  const logger = new Logger(() => (level, message) => {
    if (level === "error") console.error(message);
  });
  const send = createSend();
  const utils = await makeWorkerUtils({ connectionString: databaseUrl, logger });
  await utils.migrate();
  return {
    async store(work) {
      const jobs = chunksOf(work, (url, dueAt) => ({
        identifier: task,
        payload: { url },
        ...(dueAt === undefined ? {} : { runAt: new Date(dueAt) }),
      }));
      for (const chunk of jobs) await utils.addJobs(chunk);
    },
    async start() {
      await run({
        logger,
        noHandleSignals: true,
        taskList: { [task]: (payload) => send((payload as { url: string }).url) },
        preset: {
          worker: {
            connectionString: databaseUrl,
            concurrentJobs: slots,
            maxPoolSize: slots + 2,
            pollInterval: tunedFor === "throughput" ? 2000 : 10,
            localQueue: { size: tunedFor === "throughput" ? 500 : slots + 1 },
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
          },
        },
      });
    },
  };
}
