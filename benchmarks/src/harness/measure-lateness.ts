import type { Work } from "../peers/contender.ts";
import type { Stage } from "./stage.ts";
import { dueAtOf, duplicates, latenessOf, percentile } from "./statistics.ts";

export const perSecond = 200;
export const percents = ["p50", "p95", "p99", "max"] as const;
export type Percentiles = Record<(typeof percents)[number], number>;

/** Stores jobs for a side that works already, 200 for each second, and measures how late they arrive. */
export async function measureLateness(
  { target, quick }: Stage,
  store: (work: Work) => Promise<void>,
  seconds: number,
): Promise<Percentiles> {
  // Room to store everything before the first is due.
  const from = Date.now() + (quick ? 500 : 3000);
  // Not counted: what a process that has just started still loads and compiles.
  const warmUpSeconds = quick ? 0 : 5;
  const all = warmUpSeconds + seconds;
  const dueAt = Array.from({ length: all * perSecond }, () => Math.round(from + Math.random() * all * 1000));
  await target.reset({ expected: dueAt.length });
  await store({ url: target.url, count: dueAt.length, dueAt });
  if (!quick && Date.now() > from) throw new Error("storing the jobs took too long");
  await target.arrived(all * 1000 + 60_000);
  const noted = await target.noted();
  if (duplicates(noted) > 0) throw new Error(`${duplicates(noted)} requests came twice`);
  const late = noted.filter(({ path }) => dueAtOf(path) >= from + warmUpSeconds * 1000).map(latenessOf);
  return {
    p50: percentile(late, 50),
    p95: percentile(late, 95),
    p99: percentile(late, 99),
    max: percentile(late, 100),
  };
}
