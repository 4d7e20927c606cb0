import type { Engine } from "./engine.ts";
import { endUnstarted, plan, type PlanPass } from "./plan.ts";
import { pollMs, type Source, type Taking } from "./source.ts";
import type { Order } from "./waiting.sql.ts";

/**
 * To find what lies behind the jobs of a full host, all of those are passed over: not again this soon where that
 * found nothing.
 */
const heldBackMs = 250;

interface Planning extends Taking {
  /** Whether more executions were ready in the last turn than there were slots. */
  hasBacklog(): boolean;
  /** Tells what a pass saw of the lines of queues. */
  seeLines(pass: Pick<PlanPass, "inLines" | "linedUp">): void;
}

/** The source of jobs whose next slot has come, and of executions whose `due_at` has come. */
export function createDueSource(engine: Engine, { workerId, hold, hasBacklog, seeLines }: Planning): Source {
  let more = false;
  let lookAgainAt = -Infinity;
  let heldBack: string[] = [];
  let passesOverFrom = -Infinity;
  /**
   * Where there is more than room, every other pass begins with the executions that have waited longest, and the passes
   * between with the slots that are freshest: nobody's new slot waits behind an old backlog, and none waits for ever.
   */
  let order: Order = "oldest";

  return {
    mayHaveMore: () => more,
    lookAgainAt: () => lookAgainAt,
    heldBack: () => (performance.now() < passesOverFrom ? [] : heldBack),
    async take(admission) {
      const begun = performance.now();
      order = order === "freshest" ? "oldest" : "freshest";
      const pass = await plan(engine, { workerId, admission, backlog: hasBacklog(), order });
      for (const execution of pass.started) hold(execution);
      await endUnstarted(engine, pass.unwanted);
      heldBack = admission.heldBack();
      seeLines(pass);
      const foundNothing = !pass.moved && admission.room > 0 && admission.full.length > 0;
      if (foundNothing) passesOverFrom = begun + heldBackMs;
      const passesOverNext = admission.full.length === 0 && heldBack.length > 0 && begun >= passesOverFrom;
      more = pass.more && (pass.moved || admission.room === 0 || passesOverNext);
      lookAgainAt =
        performance.now() + Math.min(pass.nextInMs ?? pollMs, heldBack.length > 0 ? heldBackMs : pollMs);
    },
    noticeAnswer(share) {
      const isAwaited = heldBack.includes(share);
      more ||= isAwaited;
      return isAwaited;
    },
  };
}
