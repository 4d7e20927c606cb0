import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Bench } from "../bench.ts";
import { enterOurs } from "../harness/contest.ts";
import { farCron, zones } from "../harness/crons.ts";
import type { Stage } from "../harness/stage.ts";
import { duplicates, lastArrival, latenessOf, median, pathOf, percentile } from "../harness/statistics.ts";
import { storeJobs, vacuum } from "../harness/store-jobs.ts";

/**
 * Nine o'clock: 10,000 cron jobs are due in the same second.
 *
 * Ours only: no peer keeps a schedule for each of thousands of jobs. The jobs have different crons in 20 zones, so the
 * planner computes a next run for each; the next runs are months away, so that each job fires once while it is watched. All
 * have the same next_run_at, three seconds after the worker started. The time runs from that instant to the last arrival;
 * a second later the requests are counted: none may have come twice.
 */
export const burst: Bench = {
  name: "burst",
  title: "cron jobs that are due in the same second, one worker, 100 slots",
  async run(stage) {
    const runs = [];
    for (let round = 0; round < stage.size(3, 1); round++) runs.push(await burstOnce(stage));
    const all = median(runs.map((run) => run.allMs)) / 1000;
    const twice = Math.max(...runs.map((run) => run.twice));
    return {
      rows: [
        {
          what: "half have fired",
          side: "ours",
          value: median(runs.map((run) => run.halfMs)) / 1000,
          unit: "s",
        },
        { what: "all have fired", side: "ours", value: all, unit: "s" },
        { what: "fired twice", side: "ours", value: twice, unit: "" },
      ],
      verdicts: [
        atMost("must", 4, "s until all have fired", all),
        atMost("must", 0, "fired twice", twice),
        atMost("aim", 2.5, "s until all have fired", all),
      ],
      notes: [`${stage.size(10_000, 200)} jobs`],
    };
  },
};

async function burstOnce(stage: Stage): Promise<{ halfMs: number; allMs: number; twice: number }> {
  const { target } = stage;
  const count = stage.size(10_000, 200);
  await using entry = await enterOurs(stage);
  await target.reset({ expected: count });
  await entry.start();
  const dueAt = Date.now() + (stage.quick ? 500 : 3000);
  const jobs = Array.from({ length: count }, (_, index) => ({
    url: target.url + pathOf(dueAt, index),
    dueAt,
    cron: farCron(index, new Date(dueAt)),
    timezone: zones[index % zones.length]!,
  }));
  await storeJobs(entry.database.client, jobs);
  await vacuum(entry.database.client);
  if (!stage.quick && Date.now() > dueAt) throw new Error("storing the jobs took too long");
  await target.arrived();
  await sleep(stage.quick ? 200 : 1000);
  const noted = await target.noted();
  return {
    halfMs: percentile(noted.map(latenessOf), 50),
    allMs: lastArrival(noted) - dueAt,
    twice: duplicates(noted),
  };
}
