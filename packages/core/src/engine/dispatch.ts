import type { Engine } from "./engine.ts";
import { destinationOf } from "./shares.ts";
import type { Admission } from "./slots.ts";
import { endWaiting, lineUp, type StartedExecution, startExecutions } from "./start.sql.ts";

/**
 * Takes tickets for the room there is and marks their executions as running here, in one transaction: a ticket that
 * is taken has a running execution, or it was never taken.
 */
export async function take(
  engine: Engine,
  { workerId, admission }: { workerId: string; admission: Admission },
): Promise<{ started: StartedExecution[]; more: boolean }> {
  const { room: count, full } = admission;
  return engine.database.db.transaction().execute(async (tx) => {
    const tickets = await engine.queue.take(tx, { count, full });
    if (tickets.length === 0) return { started: [], more: false };
    const admitted = tickets.filter(({ share }) => admission.admit(destinationOf(share)));
    // A share may be full in the middle of a batch: the rest of its tickets goes back to the end of the line.
    await engine.queue.put(
      tx,
      tickets.filter((ticket) => !admitted.includes(ticket)),
    );
    const ids = admitted.map(({ id }) => id);
    const at = engine.clock.now();
    const started = await startExecutions(tx, { ids, workerId }, at);
    if (started.length < ids.length) {
      await endWaiting(tx, { ids, fate: "expired" }, at);
      await lineUp(tx, ids, at);
    }
    return { started, more: tickets.length === count };
  });
}
