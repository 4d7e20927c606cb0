import { sql } from "kysely";
import type { Scheduler } from "../scheduler.ts";
import type { TestClock } from "./clock.ts";
import { drain, type Drained } from "./drain.ts";

/**
 * Lets time pass as a worker would see it: stops at each instant at which something is due, up to `until`, and runs
 * it there. A year goes by in seconds; the planner, the database and the requests are real.
 */
export async function passTime(
  scheduler: Pick<Scheduler, "engine">,
  clock: TestClock,
  until: string | Date,
): Promise<Drained[]> {
  const end = new Date(until);
  const drained: Drained[] = [];
  for (;;) {
    const next = await nextDue(scheduler);
    if (next === null || next > end) break;
    drained.push(...(await drain(scheduler, clock, Math.max(next.getTime(), clock.now().getTime()))));
  }
  clock.set(end);
  return drained;
}

async function nextDue({ engine }: Pick<Scheduler, "engine">): Promise<Date | null> {
  const { rows } = await sql<{ next: Date | null }>`
    select least(
      (select min(next_run_at) from scheduler.jobs), (select min(due_at) from scheduler.executions)
    ) as next`.execute(engine.database.db);
  return rows[0]!.next;
}
