import { atLeast, type Bench, rowsOf } from "../bench.ts";
import { startOurs, storeWork } from "../harness/contest.ts";
import type { Stage } from "../harness/stage.ts";
import { duplicates, lastArrival, median } from "../harness/statistics.ts";
import { vacuum } from "../harness/store-jobs.ts";

const slots = 25;
const delayMs = 50;

/**
 * What a second and a third worker bring.
 *
 * A backlog is due now, as in ./drain.ts, and the target takes 50 ms for each answer; 1, 2 and 3 worker processes of ours
 * share it, starting at once. Each has 25 slots and so could send 500 a second: with the target and PostgreSQL on the
 * same few cores, more slots would measure the cores instead of how the workers get along. From the start to the last
 * arrival; the sizes in turns, a fresh database and fresh processes for each; medians of the rounds.
 */
export const scaleOut: Bench = {
  name: "scale-out",
  title: `1, 2, 3 workers with ${slots} slots, a target that takes ${delayMs} ms`,
  async run(stage) {
    const workers = stage.quick ? [1, 2] : [1, 2, 3];
    const rates = workers.map((): number[] => []);
    for (let round = 0; round < stage.size(3, 1); round++) {
      for (const [index, count] of workers.entries()) rates[index]!.push(await rateWith(stage, count));
    }
    const medians = rates.map(median);
    return {
      rows: rowsOf(
        "jobs",
        "/s",
        workers.map((count, index) => [`${count} worker${count === 1 ? "" : "s"}`, medians[index]!]),
      ),
      verdicts: [atLeast("must", 1.8, "× one worker, with two", medians[1]! / medians[0]!)],
    };
  },
};

async function rateWith(stage: Stage, workers: number): Promise<number> {
  const { target } = stage;
  const count = stage.size(10_000, 200);
  await using database = await stage.databases.create("ours");
  await storeWork(database, { url: target.url, count });
  await vacuum(database.client);
  await using stack = new AsyncDisposableStack();
  const children = await Promise.all(Array.from({ length: workers }, () => startOurs(database, { slots })));
  for (const child of children) stack.use(child);
  await target.reset({ expected: count, delayMs });
  const begun = Date.now();
  await Promise.all(children.map((child) => child.call("start")));
  await target.arrived();
  const noted = await target.noted();
  if (duplicates(noted) > 0) throw new Error(`${duplicates(noted)} requests came twice`);
  return (count / (lastArrival(noted) - begun)) * 1000;
}
