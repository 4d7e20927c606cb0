import { atMost, type Bench, rowsOf } from "../bench.ts";
import { enter, missingOn, type Side, sidesOn } from "../harness/contest.ts";
import { measureLateness, type Percentiles, percents, perSecond } from "../harness/measure-lateness.ts";
import type { Stage } from "../harness/stage.ts";
import { median } from "../harness/statistics.ts";

/**
 * How late requests arrive.
 *
 * 200 jobs a second are due at random milliseconds for a minute, and stored before the first is due. The due instant
 * travels in the path; the target, on the same machine and so by the same clock, notes when each request arrived. Ours
 * are stored with their `next_run_at`, pg-boss's with `startAfter`, graphile-worker's with `run_at`, BullMQ's with `delay`;
 * peers are tuned for this, see ../peers. Five more seconds before the minute are not counted. Each round gives every side
 * one turn, in a fresh process on a fresh database; of each percentile the median of the rounds counts.
 */
export const lateness: Bench = {
  name: "lateness",
  title: `${perSecond} jobs a second, due at random milliseconds: arrival − due instant`,
  async run(stage) {
    const sides = sidesOn(stage);
    const late = Object.fromEntries(sides.map((side) => [side, [] as Percentiles[]])) as Record<
      Side,
      Percentiles[]
    >;
    for (let round = 0; round < stage.size(3, 1); round++) {
      for (const side of sides) late[side].push(await measureSide(stage, side));
    }
    const of = (side: Side, percent: keyof Percentiles): number =>
      median(late[side].map((each) => each[percent]));
    const bestPeer = Math.min(...sides.filter((side) => side !== "ours").map((side) => of(side, "p99")));
    return {
      rows: percents.flatMap((percent) =>
        rowsOf(
          percent,
          "ms",
          sides.map((side) => [side, of(side, percent)]),
        ),
      ),
      verdicts: [
        atMost("must", 50, "ms at p99", of("ours", "p99")),
        atMost("must", bestPeer, "ms at p99, as the best peer", of("ours", "p99")),
        atMost("aim", 5, "ms at p50", of("ours", "p50")),
      ],
      notes: missingOn(stage),
    };
  },
};

async function measureSide(stage: Stage, side: Side): Promise<Percentiles> {
  await using entry = await enter(stage, side, "lateness");
  await entry.start();
  return await measureLateness(stage, entry.store, stage.size(60, 3));
}
