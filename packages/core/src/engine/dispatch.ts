import type { Engine } from "./engine.ts";
import { type StartedExecution, startExecutions } from "./engine.sql.ts";

/**
 * Takes up to `count` tickets and marks their executions as running here, in one transaction: a ticket that is
 * taken has a running execution, or it was never taken.
 */
export async function take(engine: Engine, workerId: string, count: number): Promise<StartedExecution[]> {
  return engine.database.db.transaction().execute(async (tx) => {
    const tickets = await engine.queue.take(tx, count);
    if (tickets.length === 0) return [];
    return startExecutions(tx, tickets, workerId, engine.clock.now());
  });
}
