import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { chunksOf, type ContenderSettings, type Peer } from "./contender.ts";
import { createSend } from "./send.ts";

/**
 * BullMQ, bare: `addBulk`, a worker with a request in its processor; on a Redis that keeps what it was told, see
 * ../harness/redis.ts.
 * Sources: https://docs.bullmq.io/guide/workers/concurrency, https://docs.bullmq.io/guide/queues/adding-bulks,
 * https://docs.bullmq.io/guide/queues/auto-removal-of-jobs
 *
 * - `concurrency` is the slots: its workers are meant to hold hundreds of jobs that wait for I/O.
 * - Done jobs are removed at once, which is the least work for it.
 * - For lateness Redis's `hz` goes from 10 to 100, which redis.conf allows where low latency matters: it notices the end of
 *   a blocking pop, by which BullMQ waits for the next due job, that many times a second.
 * - A delay counts from the job's `timestamp`; giving both makes the due instant exact.
 */
export async function openBullMq({ redisUrl, slots, tunedFor }: ContenderSettings): Promise<Peer> {
  const connection = new Redis(redisUrl!, { maxRetriesPerRequest: null });
  await connection.flushall();
  await connection.config("SET", "hz", tunedFor === "lateness" ? "100" : "10");
  const send = createSend();
  const name = "bench";
  const queue = new Queue(name, { connection });
  const worker = new Worker<{ url: string }>(name, ({ data }) => send(data.url), {
    connection,
    concurrency: slots,
    autorun: false,
    removeOnComplete: { count: 0 },
  });
  worker.on("error", (error) => console.error(error));
  return {
    async store(work) {
      const jobs = chunksOf(work, (url, dueAt) => {
        const timestamp = Date.now();
        const opts = dueAt === undefined ? {} : { timestamp, delay: Math.max(0, dueAt - timestamp) };
        return { name: "send", data: { url }, opts };
      });
      for (const chunk of jobs) await queue.addBulk(chunk);
    },
    async start() {
      void worker.run();
      await worker.waitUntilReady();
    },
  };
}
