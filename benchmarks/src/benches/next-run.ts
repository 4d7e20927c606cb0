import { atLeast, type Bench } from "../bench.ts";
import { startChild } from "../harness/child.ts";
import { median } from "../harness/statistics.ts";

/**
 * How many next runs of cron jobs can be computed in a second.
 *
 * 10,000 jobs with mixed crons in 20 zones. `preview_schedule` is the way in: each job is previewed with one run and with
 * 100 runs, and the difference is 99 next runs, each computed from the one before as the planner does. Parsing the input and
 * describing the cron cancel out; writing each run down in UTC and in local time does not, so the true figure is higher.
 * One process; the first pass, which fills the caches of crons and zones, is not counted; median of the rounds.
 */
export const nextRun: Bench = {
  name: "next-run",
  title: "next runs of mixed crons in 20 zones",
  async run(stage) {
    await using database = await stage.databases.create("ours");
    await using previewer = await startChild("previewer", database.url);
    const jobs = stage.size(10_000, 200);
    await previewer.call("perSecond", Math.min(jobs, 1000));
    const rates: number[] = [];
    for (let round = 0; round < stage.size(3, 1); round++)
      rates.push(await previewer.call("perSecond", jobs));
    return {
      rows: [{ what: "next runs, written down", side: "ours", value: median(rates), unit: "/s" }],
      verdicts: [atLeast("must", 100_000, "next runs/s", median(rates))],
    };
  },
};
