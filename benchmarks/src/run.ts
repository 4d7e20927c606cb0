import { parseArgs } from "node:util";
import type { Bench } from "./bench.ts";
import { burst } from "./benches/burst.ts";
import { create } from "./benches/create.ts";
import { deciding } from "./benches/deciding.ts";
import { drain } from "./benches/drain.ts";
import { history } from "./benches/history.ts";
import { lateness } from "./benches/lateness.ts";
import { memory } from "./benches/memory.ts";
import { million } from "./benches/million.ts";
import { neighbours } from "./benches/neighbours.ts";
import { nextRun } from "./benches/next-run.ts";
import { scaleOut } from "./benches/scale-out.ts";
import { telling } from "./benches/telling.ts";
import { describeMachine } from "./harness/machine.ts";
import { printReport, type Report, writeResults } from "./harness/report.ts";
import { openStage, type Stage } from "./harness/stage.ts";

/**
 * `pnpm bench [names…] [--quick] [--scale 0.1] [--profile]`: runs benchmarks one after another, prints a table for each
 * and writes results/latest.json. A number that is not reached is said, and fails nothing; a benchmark that cannot be run, or finds
 * requests lost or doubled, fails the run.
 */
const benches: Bench[] = [
  drain,
  lateness,
  burst,
  neighbours,
  telling,
  million,
  history,
  create,
  deciding,
  scaleOut,
  memory,
  nextRun,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    scale: { type: "string", default: "1" },
    profile: { type: "boolean", default: false },
  },
});
const scale = Number(values.scale);
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(", ")}; there are ${benches.map(({ name }) => name).join(", ")}.`,
  );
  process.exit(1);
}
const chosen = positionals.length === 0 ? benches : benches.filter(({ name }) => positionals.includes(name));

await using stage = await openStage({ ...values, scale });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void stage[Symbol.asyncDispose]().then(() => process.exit(1)));
}
const machine = await describeMachine(stage);
console.log(
  `${machine.cores} cores (${machine.cpu}), Node ${machine.node}, PostgreSQL ${machine.postgres}, Redis ${machine.redis}`,
);
if (values.quick) console.log("Quick: sizes are tiny, so the numbers mean nothing.");
const reports: Report[] = [];
for (const bench of chosen) {
  const report = await runBench(bench, stage);
  printReport(report);
  reports.push(report);
}
await writeResults({ at: new Date().toISOString(), quick: values.quick, scale, machine, benches: reports });
if (reports.some(({ error }) => error !== undefined)) process.exitCode = 1;

async function runBench({ name, title, run }: Bench, on: Stage): Promise<Report> {
  const begun = performance.now();
  const seconds = (): number => Math.round((performance.now() - begun) / 100) / 10;
  try {
    const outcome = await run(on);
    return { name, title, seconds: seconds(), outcome };
  } catch (error) {
    return { name, title, seconds: seconds(), error: (error as Error).stack ?? String(error) };
  }
}
