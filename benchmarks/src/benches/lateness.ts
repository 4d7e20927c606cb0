import { atMost, type Bench, type Row } from "../bench.ts";
import { enter, missingOn, type Side, sidesOn } from "../harness/contest.ts";
import type { Stage } from "../harness/stage.ts";
import {
  duplicates,
  lateness as latenessOf,
  median,
  percentile,
  randomInstants,
} from "../harness/statistics.ts";

const perSecond = 200;

/**
 * How late requests arrive.
 *
 * 200 jobs a second are due at random milliseconds for a minute, and stored before the first is due. The due instant
 * travels in the path; the target, on the same machine and so by the same clock, notes when each request arrived. Ours
 * are stored with their `next_run_at`, pg-boss's with `startAfter`, graphile-worker's with `run_at`, BullMQ's with `delay`;
 * peers are tuned for this, see ../peers. Each round gives every side one turn; of each percentile the median of the
 * rounds counts.
 */
export const lateness: Bench = {
  name: "lateness",
  title: `${perSecond} jobs a second, due at random milliseconds: arrival − due instant`,
  async run(stage) {
    const late: Partial<Record<Side, Percentiles[]>> = {};
    for (let round = 0; round < stage.size(3, 1); round++) {
      for (const side of sidesOn(stage)) (late[side] ??= []).push(await measure(stage, side));
    }
    const of = (side: Side, percent: Percent): number => median(late[side]!.map((each) => each[percent]));
    const rows = percents.flatMap((percent) =>
      sidesOn(stage).map((side): Row => {
        const value = of(side, percent);
        return { what: percent, side, value, unit: "ms", ratio: of("ours", percent) / value, ratioTo: side };
      }),
    );
    const best = Math.min(
      ...sidesOn(stage)
        .slice(1)
        .map((side) => of(side, "p99")),
    );
    return {
      rows,
      verdicts: [
        atMost("must", "ms p99", of("ours", "p99"), 50),
        atMost("must", "ms p99, the best peer's", of("ours", "p99"), best),
        atMost("aim", "ms p50", of("ours", "p50"), 5),
      ],
      notes: missingOn(stage),
    };
  },
};

const percents = ["p50", "p95", "p99", "max"] as const;
type Percent = (typeof percents)[number];
export type Percentiles = Record<Percent, number>;

async function measure(stage: Stage, side: Side): Promise<Percentiles> {
  await using entry = await enter(stage, side, { slots: 100, tunedFor: "lateness" });
  await entry.start();
  return await latenessOn(stage, entry, stage.size(60, 3));
}

/** The lateness of a side that works already. */
export async function latenessOn(
  { target, size }: Stage,
  { store }: Pick<Awaited<ReturnType<typeof enter>>, "store">,
  seconds: number,
): Promise<Percentiles> {
  // Room to store everything before the first is due.
  const dueAt = randomInstants({ from: Date.now() + size(3000, 700), seconds }, perSecond);
  await target.reset({ expected: dueAt.length });
  await store({ url: target.url, count: dueAt.length, dueAt });
  if (Date.now() > Math.min(...dueAt)) throw new Error("storing the jobs took too long");
  await target.arrived(seconds * 1000 + 60_000);
  const noted = await target.noted();
  if (duplicates(noted) > 0) throw new Error(`${duplicates(noted)} requests came twice`);
  const late = latenessOf(noted);
  return {
    p50: percentile(late, 50),
    p95: percentile(late, 95),
    p99: percentile(late, 99),
    max: percentile(late, 100),
  };
}
