import { atLeast, type Bench, rowsOf } from "../bench.ts";
import { enterOurs } from "../harness/contest.ts";
import type { Stage } from "../harness/stage.ts";
import { lastArrival, median, pathOf } from "../harness/statistics.ts";
import { type JobToStore, storeJobs, vacuum } from "../harness/store-jobs.ts";

/**
 * What slow targets do to their neighbours.
 *
 * Ten targets (origins); jobs for all of them lie mixed in one backlog, one worker with 100 slots. Alone: only the eight
 * that answer at once have jobs. Mixed: the other two have as many jobs each, and hang until the timeout of a second. The
 * rate of the eight runs from the start of the worker to the last arrival at one of them, and their jobs are the same in
 * both. Ours only; alone and mixed in turns, each in a fresh process on a fresh database; medians of the rounds.
 */
export const neighbours: Bench = {
  name: "neighbours",
  title: "20 % of the targets hang to their timeout: the rate of the other 80 %",
  async run(stage) {
    const rates: Record<Load, number[]> = { alone: [], mixed: [] };
    for (let round = 0; round < stage.size(3, 1); round++) {
      for (const load of ["alone", "mixed"] as const) rates[load].push(await rateOf(stage, load));
    }
    const alone = median(rates.alone);
    const mixed = median(rates.mixed);
    return {
      rows: rowsOf("jobs of the 80 %", "/s", [
        ["alone", alone],
        ["mixed", mixed],
      ]),
      verdicts: [
        atLeast("must", 0.8, "× their rate alone", mixed / alone),
        atLeast("aim", 0.95, "× their rate alone", mixed / alone),
      ],
    };
  },
};

type Load = "alone" | "mixed";

async function rateOf(stage: Stage, load: Load): Promise<number> {
  const { target, size } = stage;
  const perTarget = size(500, 15);
  const answering = target.urls.length * 0.8;
  await using entry = await enterOurs(stage);
  const begin = Date.now();
  const urls = load === "alone" ? target.urls.slice(0, answering) : target.urls;
  const jobs = urls.flatMap((url, which): JobToStore[] =>
    Array.from({ length: perTarget }, (_, index) => ({
      url: `${url}${which < answering ? "" : "/hang"}${pathOf(which, index)}`,
      // They are planned in this order, and so mixed.
      dueAt: begin - Math.random() * 1000,
      timeoutSeconds: 1,
    })),
  );
  await storeJobs(entry.database.client, jobs);
  await vacuum(entry.database.client);
  const expected = perTarget * answering;
  await target.reset({ expected });
  const started = Date.now();
  await entry.start();
  await target.arrived();
  return (expected / (lastArrival(await target.noted()) - started)) * 1000;
}
