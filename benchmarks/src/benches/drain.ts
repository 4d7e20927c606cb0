import { atLeast, type Bench, rowsOf } from "../bench.ts";
import { enter, enterOurs, missingOn, type Side, sidesOn } from "../harness/contest.ts";
import type { BenchDatabase } from "../harness/database.ts";
import { printStatements } from "../harness/report.ts";
import type { Stage } from "../harness/stage.ts";
import { duplicates, lastArrival, median } from "../harness/statistics.ts";

/**
 * How fast a backlog goes out.
 *
 * 20,000 jobs are due now; one worker process with 100 slots; the target answers at once. The time ends with the last
 * arrival at the target. Each round gives every side one turn, in a fresh process on a fresh database; the median of the
 * rounds counts.
 *
 * - Ours: the jobs are stored beforehand, the time begins when the worker starts, and everything is counted that a fire
 *   needs: planning the slot, the address guard, attempts, states, job health. Afterwards the history is
 *   counted: every execution and its attempt must be there.
 * - Peers: bare, so there is no planning and no history; their time begins with their insert, which is their way of
 *   saying what is due.
 */
export const drain: Bench = {
  name: "drain",
  title: "a backlog that is due now, one worker, 100 slots",
  async run(stage) {
    const count = stage.size(20_000, 300);
    const sides = sidesOn(stage);
    const rates = Object.fromEntries(sides.map((side) => [side, [] as number[]])) as Record<Side, number[]>;
    for (let round = 0; round < stage.size(3, 1); round++) {
      for (const side of sides) {
        const seconds = side === "ours" ? await drainOurs(stage, count) : await drainPeer(stage, side, count);
        rates[side].push(count / seconds);
      }
    }
    const rate = (side: Side): number => median(rates[side]);
    return {
      rows: rowsOf(
        "jobs",
        "/s",
        sides.map((side) => [side, rate(side)]),
      ),
      verdicts: [
        atLeast("must", 1, "× bare pg-boss", rate("ours") / rate("pg-boss")),
        atLeast("aim", 1, "× bare graphile-worker", rate("ours") / rate("graphile-worker")),
      ],
      notes: [`${count} jobs`, ...missingOn(stage)],
    };
  },
};

async function drainPeer(stage: Stage, side: Exclude<Side, "ours">, count: number): Promise<number> {
  await using entry = await enter(stage, side, "throughput");
  await stage.target.reset({ expected: count });
  const begun = Date.now();
  await entry.store({ url: stage.target.url, count });
  await entry.start();
  return await secondsSince(stage, begun);
}

async function drainOurs(stage: Stage, count: number): Promise<number> {
  await using entry = await enterOurs(stage, { watch: stage.profile });
  await entry.store({ url: stage.target.url, count });
  await stage.target.reset({ expected: count });
  const begun = Date.now();
  await entry.start();
  const seconds = await secondsSince(stage, begun);
  if (stage.profile) printStatements(await entry.child.call("takeStatements"));
  await entry.child.call("stop");
  await assertHistory(entry.database, count);
  return seconds;
}

async function secondsSince({ target }: Stage, begun: number): Promise<number> {
  await target.arrived();
  const noted = await target.noted();
  if (duplicates(noted) > 0) throw new Error(`${duplicates(noted)} requests came twice`);
  return (lastArrival(noted) - begun) / 1000;
}

async function assertHistory({ client }: BenchDatabase, count: number): Promise<void> {
  const { rows } = await client.query<{ executions: number; attempts: number }>(
    `select (select count(*)::integer from scheduler.executions where status = 'succeeded') as executions,
      (select count(*)::integer from scheduler.attempts where status = 'succeeded') as attempts`,
  );
  const { executions, attempts } = rows[0]!;
  if (executions === count && attempts === count) return;
  throw new Error(`the history of ${count} jobs has ${executions} executions and ${attempts} attempts`);
}
