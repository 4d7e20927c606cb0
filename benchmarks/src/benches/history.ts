import { createScheduler } from "@org/scheduler-core";
import { atMost, type Bench, rowsOf } from "../bench.ts";
import { startChild } from "../harness/child.ts";
import { storeWork } from "../harness/contest.ts";
import type { BenchDatabase } from "../harness/database.ts";
import type { Stage } from "../harness/stage.ts";
import { median } from "../harness/statistics.ts";
import { copyRows } from "../harness/store-jobs.ts";
import { asked, jobs, type Read, reads, type Times } from "../peers/reader.ts";

/**
 * What two million executions cost whoever looks.
 *
 * Two databases of ours with 2,000 and 2,000,000 executions of the last 20 days, of 20 jobs, one in 20 failed: copies of
 * executions that really ran, vacuumed and analyzed. Attempts are left out: neither operation reads them. A process for
 * each database calls `scheduler.execute`, 20 times each operation, then it is the other's turn, ten turns in a round: of
 * those 200 calls the median counts, and of the rounds. Pages are full (50) at both sizes. Then EXPLAIN says whether a
 * statement of these calls would read all executions in sequence.
 */
export const history: Bench = {
  name: "history",
  title: "reading with much history, against little: median of 200 calls",
  async run(stage) {
    const sizes = [stage.size(2000, 1500), stage.size(2_000_000, 4000)] as const;
    await using little = await fill(stage, sizes[0]);
    await using much = await fill(stage, sizes[1]);
    const measured: [Times[], Times[]] = [[], []];
    let scans: string[] = [];
    for (let round = 0; round < stage.size(3, 1); round++) {
      await using readsLittle = await startChild("reader", little.url);
      await using readsMuch = await startChild("reader", much.url);
      for (let block = 0; block < (stage.quick ? 1 : 10); block++) {
        measured[0].push(await readsLittle.call("measure", 20));
        measured[1].push(await readsMuch.call("measure", 20));
      }
      scans = await readsMuch.call("scans");
    }
    const of = (which: 0 | 1, read: Read): number => median(measured[which].map((times) => times[read]));
    const rows = reads.flatMap((read) =>
      rowsOf(read, "ms", [
        [`${sizes[0]}`, of(0, read)],
        [`${sizes[1]}`, of(1, read)],
      ]),
    );
    const verdicts = asked.flatMap((read) => {
      const ratio = of(1, read) / of(0, read);
      return [
        atMost("must", 1.5, `× little: ${read}`, ratio),
        atMost("aim", 1.1, `× little: ${read}`, ratio),
      ];
    });
    verdicts.push(atMost("must", 0, "statements that read all executions", scans.length));
    return { rows, verdicts, notes: scans };
  },
};

async function fill(stage: Stage, count: number): Promise<BenchDatabase> {
  const database = await stage.databases.create("ours");
  const { client } = database;
  await stage.target.reset({ expected: jobs });
  await storeWork(database, { url: stage.target.url, count: jobs });
  const scheduler = await createScheduler({ databaseUrl: database.url, allowedTargets: ["127.0.0.0/8"] });
  await scheduler.createWorker().start();
  await stage.target.arrived();
  await scheduler.close();
  await client.query(`create temp table ran as select id, row_number() over (order by id) - 1 as position
    from scheduler.executions`);
  // An execution on every so many seconds of 20 days, the jobs and failures mixed over all of it.
  const at = `make_interval(secs => -(n.i + 1) * 20 * 86400.0 / ${count})`;
  await copyRows(client, {
    table: "scheduler.executions",
    set: {
      id: `uuidv7(${at})`,
      slot: `now() + ${at}`,
      scheduled_for: `now() + ${at}`,
      created_at: `now() + ${at}`,
      started_at: `now() + ${at}`,
      finished_at: `now() + ${at}`,
      status: "case when n.i / 20 % 20 = n.i % 20 then 'failed' else 'succeeded' end",
    },
    from: `ran, generate_series(0, ${count - jobs - 1}) n(i) where ran.id = template.id and ran.position = n.i % ${jobs}`,
  });
  await client.query("vacuum (analyze)");
  await client.query("checkpoint");
  return database;
}
