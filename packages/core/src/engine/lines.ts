import type { Session } from "../database/statement.ts";
import { type End, endFor, type StartedExecution, startExecutions } from "../executions/life.sql.ts";
import { type Engine, inTransaction, sessionOf } from "./engine.ts";
import { countStarts, type Line, lockOpenLines, nextTurn, takeTurns, type Turn } from "./lines.sql.ts";
import type { Admission } from "./slots.ts";

/** How many queues are locked and asked at once, and how often more are looked for behind those that are held up. */
const linesPerLook = 100;
const maxLooks = 10;

/**
 * A request leaves a moment after it was counted, hardly longer after it where it is claimed ahead, and the next may
 * leave at once: without a margin a target could see one more in a period than its queue may send.
 */
const marginMs = 100;

export interface LinePass {
  started: StartedExecution[];
  /** Executions that nobody wants any more, or whose time has run out: for `endUnstarted`. */
  unwanted: End[];
  /** Others may have their turn at once. */
  more: boolean;
}

interface Taking {
  workerId: string;
  admission: Admission;
  leastPriority: number;
}

/**
 * Starts executions whose turn it is in queues that are limited, paused or of their own priority, one transaction. The
 * queue's row is the lock: a limit holds on all workers together.
 */
export async function takeLines(engine: Engine, options: Taking): Promise<LinePass> {
  return inTransaction(engine, async (session) => {
    const seen: Line[] = [];
    const pass: LinePass = { started: [], unwanted: [], more: false };
    for (let look = 0; look < maxLooks && options.admission.room > pass.started.length; look++) {
      const lines = await lockOpenLines(session, { ...options, limit: linesPerLook, seen });
      if (lines.length > 0) await takeFrom(session, lines, { ...options, pass });
      seen.push(...lines);
      if (lines.length < linesPerLook) return pass;
    }
    return { ...pass, more: pass.started.length > 0 };
  });
}

async function takeFrom(
  session: Session,
  lines: Line[],
  { workerId, admission, pass }: Taking & { pass: LinePass },
): Promise<void> {
  const { room, full } = admission;
  const turns = await takeTurns(session, { lines, room, full });
  const unwanted = turns.flatMap(({ id, ends }) => (ends === null ? [] : [endFor(id, ends)]));
  const admitted = turns.filter((turn) => turn.ends === null && admission.admit(turn));
  const ids = admitted.map(({ id }) => id);
  const started = await startExecutions(session, { ids, workerId, hasTurn: true });
  await countSent(session, admitted);
  // Those of one queue leave in its order, and none of them before its time.
  const byId = new Map(started.map((execution) => [execution.id, execution]));
  for (const { id, line_at } of admitted) {
    const execution = byId.get(id);
    if (execution) pass.started.push({ ...execution, due_at: line_at });
  }
  pass.unwanted.push(...unwanted);
  pass.more ||= started.length + unwanted.length > 0 && turns.length > admitted.length;
}

async function countSent(session: Session, admitted: Turn[]): Promise<void> {
  const counted = admitted.filter((turn): turn is Turn & { period: number } => turn.period !== null);
  const byQueue = Map.groupBy(counted, ({ scope_id, queue }) => `${scope_id} ${queue}`);
  const starts = [...byQueue.values()].map((turns) => ({ ...turns[0]!, count: turns.length }));
  if (starts.length > 0) await countStarts(session, starts, marginMs);
}

/** How late a place in a queue is noticed that another worker's execution has left. */
const fullPollMs = 250;

/** For how long nobody need look at queues none of which goes on, as far as can be known. */
export async function untilNextTurn(engine: Engine): Promise<number> {
  const { ms, full } = await nextTurn(sessionOf(engine));
  return Math.min(ms ?? Infinity, full ? fullPollMs : Infinity);
}
