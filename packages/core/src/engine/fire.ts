import { createDueSource } from "./due-source.ts";
import type { Engine } from "./engine.ts";
import { createLines } from "./lines-source.ts";
import { type Destination, shareOf } from "../sending/destination.ts";
import type { Slots } from "./slots.ts";
import { pollMs, type Source } from "./source.ts";

/** The loop that fills the slots with what is due. */
export interface Firing {
  /** Answers how many milliseconds to pause before the next. */
  turn(): Promise<number>;
  /** More is ready than there are slots. */
  hasBacklog(): boolean;
  /** Somebody's turn may have come in a queue: a place is free there, or it goes on. */
  noticeLines(): void;
  /** A slot is free again, and somebody may wait for it. */
  noticeAnswer(destination: Destination): void;
  stop(): void;
}

/** How long slots that free up one by one are gathered while there is a backlog. */
const gatherMs = 20;

/**
 * While there is a backlog, what will be sent within this time at the current rate is claimed ahead: slots do not
 * wait for the database then, and one round trip is for many. Nothing is claimed ahead of targets that hang.
 */
const aheadMs = 60;
/** As a multiple of the slots. */
const maxAhead = 3;

export function createFiring(
  engine: Engine,
  { workerId, slots, wake }: { workerId: string; slots: Slots; wake: () => void },
): Firing {
  let backlog = false;
  let answers = 0;
  let ahead = 0;
  let lastTurn = -Infinity;
  let gathering: NodeJS.Timeout | undefined;
  let linesFirst = false;

  const taking = { workerId, hold: slots.hold };
  const lines = createLines(engine, taking);
  const due = createDueSource(engine, { ...taking, hasBacklog: () => backlog, seeLines: lines.see });
  const sources = [due, lines.all];
  // Queues that were put before all others always come first, and those that were put last always last. All the others
  // take turns with what is due by itself, so that neither waits for ever for the other.
  const before = { lines: lines.from(0), urgent: lines.from(1) };

  /** A round trip for less room than this waits a moment for more of it. */
  const hasRoom = (): boolean => slots.room(ahead) >= Math.max(1, Math.floor((slots.count + ahead) / 3));

  /** What is held back for want of room at its host is so for every source. */
  async function take(source: Source): Promise<void> {
    await source.take(slots.admission(ahead, [...new Set([...due.heldBack(), ...source.heldBack()])]));
  }

  async function takeIfAny(source: Source): Promise<void> {
    const mayFind = source.mayHaveMore() || performance.now() >= source.lookAgainAt();
    if (mayFind && slots.room(ahead) > 0) await take(source);
  }

  async function turn(): Promise<number> {
    const since = performance.now() - lastTurn;
    if (backlog && !hasRoom() && since < gatherMs) return gatherMs - since;
    // Halfway to the new rate, and never out of all measure: answers come in bursts.
    const wanted = Math.floor((ahead + (answers / since) * aheadMs) / 2);
    ahead = backlog ? Math.min(wanted, slots.count * maxAhead) : 0;
    answers = 0;
    lastTurn = performance.now();
    linesFirst = !linesFirst;
    await takeIfAny(linesFirst ? before.lines : before.urgent);
    await take(due);
    await takeIfAny(lines.all);
    backlog = sources.some((source) => source.mayHaveMore());
    if (!backlog) {
      const lookAgainAt = Math.min(...sources.map((source) => source.lookAgainAt()));
      return Math.max(0, Math.min(pollMs, lookAgainAt - performance.now()));
    }
    if (hasRoom()) return 0;
    return slots.room(ahead) > 0 ? gatherMs : pollMs;
  }

  function endGathering(): void {
    gathering = undefined;
    wake();
  }

  return {
    turn,
    hasBacklog: () => backlog,
    noticeLines() {
      lines.notice();
      if (slots.room(0) > 0) wake();
    },
    noticeAnswer(destination) {
      const share = shareOf(destination);
      answers++;
      const isAwaited = sources.map((source) => source.noticeAnswer(share)).includes(true);
      const mayStart = sources.some((source) => source.mayHaveMore());
      if (!backlog && !mayStart && due.heldBack().length === 0) return;
      if (hasRoom() || slots.room(ahead) === 1) wake();
      // One of many answers of a host that holds all it may: a pass for each of them would be one for a single slot.
      else if (isAwaited || lines.all.mayHaveMore()) gathering ??= setTimeout(endGathering, gatherMs);
    },
    stop: () => clearTimeout(gathering),
  };
}
