import { atMost, type Bench, rowsOf } from "../bench.ts";
import { startOurs, storeWork } from "../harness/contest.ts";
import type { BenchDatabase } from "../harness/database.ts";
import { measureLateness } from "../harness/measure-lateness.ts";
import { printStatements } from "../harness/report.ts";
import type { Stage } from "../harness/stage.ts";
import type { StatementTimes } from "../harness/statements.ts";
import { median } from "../harness/statistics.ts";
import { storeFutureJobs, vacuum } from "../harness/store-jobs.ts";
import type { Work } from "../peers/contender.ts";

/**
 * What a million jobs cost that are not due.
 *
 * Two databases of ours, with 1,000 and with 1,000,000 active one-time jobs that are due within the next year, vacuumed and
 * analyzed. In turns, each time with a fresh worker process: 5,000 more jobs are due now, and the time of the statements
 * that plan them is added up, as the worker waits for it; then the lateness of 200 jobs a second, as in ./lateness.ts.
 * Medians of the rounds.
 */
export const million: Bench = {
  name: "million",
  title: "plan cost and lateness with many future jobs stored, against few",
  async run(stage) {
    const sizes = [stage.size(1000, 200), stage.size(1_000_000, 2000)] as const;
    await using few = await fill(stage, sizes[0]);
    await using many = await fill(stage, sizes[1]);
    const measured: [Measured[], Measured[]] = [[], []];
    for (let round = 0; round < stage.size(3, 1); round++) {
      measured[0].push(await measure(stage, few));
      measured[1].push(await measure(stage, many));
    }
    const of = (which: 0 | 1, what: keyof Measured): number =>
      median(measured[which].map((each) => each[what]));
    const rows = whats.flatMap(({ key, what }) =>
      rowsOf(what, "ms", [
        [`${sizes[0]}`, of(0, key)],
        [`${sizes[1]}`, of(1, key)],
      ]),
    );
    const verdicts = whats.flatMap(({ key, what }) => {
      const ratio = of(1, key) / of(0, key);
      return [atMost("must", 1.3, `× few: ${what}`, ratio), atMost("aim", 1.1, `× few: ${what}`, ratio)];
    });
    return { rows, verdicts };
  },
};

const whats = [
  { key: "planMs", what: "planning 1,000 due jobs" },
  { key: "p50", what: "lateness p50" },
  { key: "p99", what: "lateness p99" },
] as const;

type Measured = Record<(typeof whats)[number]["key"], number>;

async function fill({ databases, target }: Stage, count: number): Promise<BenchDatabase> {
  const database = await databases.create("ours");
  await storeFutureJobs(database.client, count, target.url);
  await vacuum(database.client);
  // The pages just written are not to be flushed while something is measured.
  await database.client.query("checkpoint");
  return database;
}

async function measure(stage: Stage, database: BenchDatabase): Promise<Measured> {
  const due = stage.size(5000, 200);
  await stage.target.reset({ expected: due });
  await storeWork(database, { url: stage.target.url, count: due });
  await using child = await startOurs(database, { watch: true });
  await child.call("start");
  await stage.target.arrived();
  const planMs = (planTime(await child.call("takeStatements")) / due) * 1000;
  const store = (work: Work): Promise<void> => storeWork(database, work);
  const { p50, p99 } = await measureLateness(stage, store, stage.size(20, 1));
  if (stage.profile) printStatements(await child.call("takeStatements"));
  await child.call("stop");
  return { planMs, p50, p99 };
}

/** Statements about next_run_at plan; settling looks at it too, but writes attempts. */
function planTime(statements: StatementTimes[]): number {
  return statements
    .filter(({ text }) => text.includes("next_run_at") && !text.includes("scheduler.attempts"))
    .reduce((sum, { totalMs }) => sum + totalMs, 0);
}
