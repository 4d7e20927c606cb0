import { mostCounted, type Output } from "@org/scheduler-contract";

export type Counts = NonNullable<Output<"list_jobs">["counts"]>;

/** What was counted, up to one more than is told. */
export function countsOf(rows: { is: string; count: string }[]): Counts {
  const by = Object.fromEntries(rows.map(({ is, count }) => [is, Number(count)]));
  const total = Object.values(by).reduce((sum, count) => sum + count, 0);
  return { total: Math.min(total, mostCounted), capped: total > mostCounted, by };
}
