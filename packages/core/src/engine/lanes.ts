import type { Tx } from "../database/tables.ts";
import type { Engine } from "./engine.ts";
import { countStarts, type Lane, lockOpenLanes, nextTurn, takeTurns, type Turn } from "./lanes.sql.ts";
import type { Admission } from "./slots.ts";
import { endWaiting, type StartedExecution, startExecutions } from "./start.sql.ts";

/** How many queues one pass lets go on at the most. */
const maxLanes = 100;

/**
 * A request leaves a moment after it was counted, at most so long after it where it is claimed ahead, and the next may
 * leave at once: without a margin a target could see one more in a period than its queue may send.
 */
const marginMs = 50;

export interface LanePass {
  started: StartedExecution[];
  /** Others may have their turn at once. */
  more: boolean;
}

/**
 * Starts executions whose turn it is in queues that are limited, paused or of their own priority, one transaction. The
 * queue's row is the lock: a limit holds on all workers together.
 */
export async function takeLanes(
  engine: Engine,
  options: { workerId: string; admission: Admission; leastPriority: number },
): Promise<LanePass> {
  const { workerId, admission, leastPriority } = options;
  const { room, fullHosts } = admission;
  const at = engine.clock.now();
  return engine.database.db.transaction().execute(async (tx) => {
    const lanes = await lockOpenLanes(tx, { leastPriority, limit: maxLanes }, at);
    if (lanes.length === 0) return { started: [], more: false };
    const turns = await takeTurns(tx, { lanes, room, fullHosts }, at);
    const expired = turns.filter((turn) => turn.expired).map(({ id }) => id);
    if (expired.length > 0) await endWaiting(tx, { ids: expired, fate: "expired" }, at);
    const admitted = turns.filter((turn) => !turn.expired && admission.admit(turn.host));
    const ids = admitted.map(({ id }) => id);
    const started = ids.length === 0 ? [] : await startExecutions(tx, { ids, workerId, inLane: true }, at);
    await countSent(tx, { lanes, admitted, at });
    const moved = started.length + expired.length > 0;
    // Those of one queue leave in its order, and none of them before its time.
    const byId = new Map(started.map((execution) => [execution.id, execution]));
    const inOrder = admitted.flatMap(({ id, lane_at }) => {
      const execution = byId.get(id);
      return execution ? [{ ...execution, due_at: lane_at }] : [];
    });
    return { started: inOrder, more: moved && (lanes.length === maxLanes || turns.length > admitted.length) };
  });
}

async function countSent(
  tx: Tx,
  { lanes, admitted, at }: { lanes: Lane[]; admitted: Turn[]; at: Date | null },
): Promise<void> {
  const starts = lanes.flatMap(({ scope_id, queue, rate_period_seconds: period }) => {
    const count = admitted.filter((turn) => turn.scope_id === scope_id && turn.queue === queue).length;
    return period === null || count === 0 ? [] : [{ scope_id, queue, period, count }];
  });
  if (starts.length > 0) await countStarts(tx, starts, { marginMs, at });
}

/** How late a place in a queue is noticed that another worker's execution has left. */
const fullPollMs = 250;

/** For how long nobody need look at queues none of which goes on, as far as can be known. */
export async function untilNextTurn({ database, clock }: Engine): Promise<number> {
  const { ms, full } = await nextTurn(database.db, clock.now());
  return Math.min(ms ?? Infinity, full ? fullPollMs : Infinity);
}
