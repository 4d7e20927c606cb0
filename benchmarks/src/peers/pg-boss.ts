import { PgBoss } from "pg-boss";
import { chunksOf, type ContenderSettings, type Peer } from "./contender.ts";
import { createSend } from "./send.ts";

/**
 * pg-boss, bare: `insert` in bulk, `work` with a request in the handler.
 * Sources: https://timgit.github.io/pg-boss/#/./api/workers and the installed types (12.35), https://pgboss.io/api/workers
 *
 * - `localConcurrency` × `batchSize` are the slots: batches save round trips, several workers keep one slow batch from
 *   holding back all. 4 × 25 had the best median of 1 × 100, 2 × 50, 4 × 25, 5 × 20 and 10 × 10.
 * - `burstWhenBatchFull`: no pause between fetches while there is more; otherwise a worker waits half a second.
 * - `pollingIntervalSeconds`: 0.5 is the smallest it takes. LISTEN/NOTIFY tells of new jobs, not of due ones, so it does
 *   not help jobs with `startAfter`.
 * - Its maintenance and its cron are off, which spares it work.
 */
export async function openPgBoss({ databaseUrl, slots, tunedFor }: ContenderSettings): Promise<Peer> {
  const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false });
  boss.on("error", (error) => console.error(error));
  const send = createSend();
  const queue = "bench";
  await boss.start();
  await boss.createQueue(queue, { retryLimit: 0 });
  const localConcurrency = tunedFor === "throughput" ? 4 : 10;
  return {
    async store(work) {
      const jobs = chunksOf(work, (url, dueAt) => ({
        data: { url },
        ...(dueAt === undefined ? {} : { startAfter: new Date(dueAt) }),
      }));
      for (const chunk of jobs) await boss.insert(queue, chunk, { returnId: false });
    },
    async start() {
      const batchSize = Math.max(1, Math.round(slots / localConcurrency));
      await boss.work<{ url: string }>(
        queue,
        { localConcurrency, batchSize, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
        async (batch) => {
          await Promise.all(batch.map(({ data }) => send(data.url)));
        },
      );
    },
  };
}
