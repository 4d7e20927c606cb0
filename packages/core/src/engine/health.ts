import type { Readiness } from "@org/scheduler-contract";
import { readNow } from "../database/now.ts";
import { countDue } from "../slo/due.sql.ts";
import { type Engine, sessionOf } from "./engine.ts";
import type { Worker } from "./worker.ts";
import type { Gauges } from "../metrics.ts";

/** What /metrics reads of a process, its workers taken together. */
export function gaugesOf(engine: Omit<Engine, "metrics">, workers: Worker[]): Gauges {
  return {
    slots() {
      const each = workers.map((worker) => worker.slots());
      return { busy: sum(each.map(({ busy }) => busy)), free: sum(each.map(({ free }) => free)) };
    },
    // A process with several workers shows the oldest of each loop.
    loopAges: () =>
      Object.fromEntries(
        workers
          .flatMap((worker) => Object.entries(worker.loopAges()))
          .sort(([, one], [, other]) => one - other),
      ),
    connections: engine.database.connections,
    due: () => countDue(sessionOf(engine)),
  };
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** A loop that has not turned for this long is stuck: the longest regular pause is 5 s. */
const stuckAfterMs = 15_000;

/** Whether the database answers and every loop turned lately. */
export async function checkReadiness({ database }: Engine, workers: Worker[]): Promise<Readiness> {
  const checks: Readiness["checks"] = {};
  try {
    await readNow(database.db, null);
    checks.database = { ok: true, detail: "answers" };
  } catch {
    checks.database = { ok: false, detail: "does not answer" };
  }
  for (const worker of workers) {
    for (const [name, age] of Object.entries(worker.loopAges())) {
      const ok = age < stuckAfterMs;
      checks[`loop_${name}`] = { ok, detail: `turned ${Math.round(age)} ms ago` };
    }
  }
  return { ready: Object.values(checks).every(({ ok }) => ok), checks };
}
