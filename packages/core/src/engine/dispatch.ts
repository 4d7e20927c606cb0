import type { Engine } from "./engine.ts";
import { type StartedExecution, startExecutions } from "./road.sql.ts";

/**
 * Takes up to `count` tickets and marks their executions as running here, in one transaction: a ticket that is taken
 * has a running execution, or it was never taken.
 */
export async function take(
  engine: Engine,
  { workerId, count }: { workerId: string; count: number },
): Promise<{ started: StartedExecution[]; more: boolean }> {
  return engine.database.db.transaction().execute(async (tx) => {
    const ids = await engine.queue.take(tx, count);
    if (ids.length === 0) return { started: [], more: false };
    const started = await startExecutions(tx, { ids, workerId }, engine.clock.now());
    return { started, more: ids.length === count };
  });
}
