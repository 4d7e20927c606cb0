import { atLeast, type Bench, type Row } from "../bench.ts";
import { enter, enterOurs, missingOn, type Side, sidesOn } from "../harness/contest.ts";
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
 *   needs: planning the slot, tickets, dispatch, the address guard, attempts, states, job health. Afterwards the history is
 *   counted: every execution and its attempt must be there.
 * - Peers: bare, so there is no planning and no history; their time begins with their insert, which is their way of
 *   saying what is due.
 */
export const drain: Bench = {
  name: "drain",
  title: "a backlog that is due now, one worker, 100 slots",
  async run(stage) {
    const count = stage.size(20_000, 300);
    const rates: Partial<Record<Side, number[]>> = {};
    for (let round = 0; round < stage.size(3, 1); round++) {
      for (const side of sidesOn(stage)) (rates[side] ??= []).push(await drainOnce(stage, side, count));
    }
    const ours = median(rates.ours!);
    const rows = sidesOn(stage).map((side): Row => {
      const value = median(rates[side]!);
      return { what: "jobs", side, value, unit: "/s", ratio: ours / value, ratioTo: side };
    });
    return {
      rows,
      verdicts: [
        atLeast("must", "× bare pg-boss", ours / median(rates["pg-boss"]!), 1),
        atLeast("aim", "× bare graphile-worker", ours / median(rates["graphile-worker"]!), 1),
      ],
      notes: [`${count} jobs`, ...missingOn(stage)],
    };
  },
};

/** Jobs per second. */
async function drainOnce(stage: Stage, side: Side, count: number): Promise<number> {
  const work = { url: stage.target.url, count };
  await stage.target.reset({ expected: count });
  if (side === "ours") return drainOurs(stage, count);
  await using entry = await enter(stage, side, { slots: 100, tunedFor: "throughput" });
  const begun = Date.now();
  await entry.store(work);
  await entry.start();
  return (await rateSince(stage, begun)) * count;
}

async function drainOurs(stage: Stage, count: number): Promise<number> {
  await using entry = await enterOurs(stage, { watch: stage.profile });
  await entry.store({ url: stage.target.url, count });
  const begun = Date.now();
  await entry.start();
  const rate = await rateSince(stage, begun);
  if (stage.profile) printStatements(await entry.child.call("takeStatements"));
  await entry.child.call("stop");
  const { rows } = await entry.database.client.query<{ executions: number; attempts: number }>(
    `select (select count(*)::integer from scheduler.executions where status = 'succeeded') as executions,
      (select count(*)::integer from scheduler.attempts where status = 'succeeded') as attempts`,
  );
  const { executions, attempts } = rows[0]!;
  if (executions !== count || attempts !== count) {
    throw new Error(`the history of ${count} jobs has ${executions} executions and ${attempts} attempts`);
  }
  return rate * count;
}

/** The part of a second's work that one job is: 1 ÷ seconds until the last arrival. */
async function rateSince({ target }: Stage, begun: number): Promise<number> {
  await target.arrived();
  const noted = await target.noted();
  if (duplicates(noted) > 0) throw new Error(`${duplicates(noted)} requests came twice`);
  return 1000 / (lastArrival(noted) - begun);
}
