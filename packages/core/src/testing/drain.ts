import { randomUUID } from "node:crypto";
import type { AttemptStatus, ExecutionStatus } from "@org/scheduler-contract";
import { begin } from "../engine/begin.ts";
import type { Circuits } from "../sending/circuits.ts";
import { takeLines } from "../engine/lines.ts";
import { endUnstarted, plan } from "../engine/plan.ts";
import type { Admission } from "../engine/slots.ts";
import { settle, toSettled } from "../engine/settle.ts";
import { toPublicId } from "../ids.ts";
import type { Scheduler } from "../scheduler.ts";
import type { TestClock } from "./clock.ts";

/** One attempt that a drain made. */
export interface Drained {
  job_id: string;
  execution_id: string;
  scheduled_for: string;
  attempt: number;
  status: AttemptStatus;
  /** What the execution became. */
  next: ExecutionStatus;
}

/**
 * Runs the road of a fire step by step, without loops or timers, until nothing more is due at `at`; answers what it
 * did. The requests are real. Nothing is held back without `circuits`.
 */
export async function drain(
  { engine }: Pick<Scheduler, "engine">,
  clock: TestClock,
  at: string | number | Date = clock.now(),
  circuits?: Circuits,
): Promise<Drained[]> {
  clock.set(at);
  const workerId = randomUUID();
  const drained: Drained[] = [];
  for (;;) {
    const due = await plan(engine, { workerId, admission: roomFor(100) });
    const lines = { workerId, admission: roomFor(100), leastPriority: -1000 };
    const inTurn = await takeLines(engine, lines);
    const unwanted = [...due.unwanted, ...inTurn.unwanted];
    await endUnstarted(engine, unwanted);
    const started = [...due.started, ...inTurn.started];
    const settled = await Promise.all(
      started.map(async (execution) => {
        const begun = begin(engine, execution, { circuits });
        return toSettled(execution, await begun.answer, begun.startedAt());
      }),
    );
    await settle(engine, workerId, [...settled]);
    for (const [index, { job_id, id, scheduled_for, attempt_count }] of started.entries()) {
      drained.push({
        job_id: toPublicId("job", job_id),
        execution_id: toPublicId("exec", id),
        scheduled_for: scheduled_for.toISOString(),
        attempt: attempt_count,
        status: settled[index]!.status,
        next: settled[index]!.next_status,
      });
    }
    if (unwanted.length + started.length === 0) return drained;
  }
}

/** Room for so many executions, of whichever hosts. */
export function roomFor(count: number): Admission {
  let left = count;
  return { room: count, full: [], admit: () => left > 0 && left-- > 0, heldBack: () => [] };
}

/** A worker without a free slot, for `plan`. */
export const noRoom = { workerId: "00000000-0000-7000-8000-000000000000", admission: roomFor(0) };
