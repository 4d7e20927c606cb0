import type { Engine } from "./engine.ts";
import { takeLines, untilNextTurn } from "./lines.ts";
import { endUnstarted, type PlanPass } from "./plan.ts";
import { pollMs, type Source, type Taking } from "./source.ts";

/** Below that of any queue. */
const lowestPriority = -1000;

/** The sources of executions that stand in the lines of queues. */
export interface Lines {
  /** The lines of queues that have at least this priority. */
  from(leastPriority: number): Source;
  all: Source;
  /** Takes notice of what the planner saw. */
  see(pass: Pick<PlanPass, "inLines" | "linedUp">): void;
  /** Hears that a turn may have come: a place is free in a queue, or a queue goes on. */
  notice(): void;
}

export function createLines(engine: Engine, { workerId, hold }: Taking): Lines {
  let inLines = false;
  let mayGoOn = true;
  let lookAgainAt = -Infinity;
  let heldBack: string[] = [];

  function from(leastPriority: number): Source {
    const isLast = leastPriority === lowestPriority;
    return {
      mayHaveMore: () => inLines && mayGoOn,
      lookAgainAt: () => (inLines ? lookAgainAt : Infinity),
      heldBack: () => heldBack,
      async take(admission) {
        if (isLast) mayGoOn = false;
        const pass = await takeLines(engine, { workerId, admission, leastPriority });
        // They count in their queues already: the next slot that is free is theirs.
        for (const execution of pass.started) hold(execution, { first: true });
        await endUnstarted(engine, pass.unwanted);
        heldBack = admission.heldBack();
        // Behind those of a host that has just turned out to be full there may be others.
        const goesOn = pass.more || heldBack.length > admission.full.length;
        mayGoOn ||= goesOn;
        if (!isLast || goesOn) return;
        lookAgainAt = performance.now() + Math.min(pollMs, await untilNextTurn(engine));
      },
      noticeAnswer(share) {
        const isAwaited = heldBack.includes(share);
        mayGoOn ||= isAwaited;
        return isAwaited;
      },
    };
  }
  return {
    from,
    all: from(lowestPriority),
    see(pass) {
      inLines = pass.inLines;
      mayGoOn ||= pass.linedUp;
    },
    notice() {
      mayGoOn = true;
    },
  };
}
