import { randomUUID } from "node:crypto";
import type { Answer } from "../sending/answer.ts";
import type { Engine } from "../engine/engine.ts";
import { takeLines } from "../engine/lines.ts";
import { endUnstarted, plan } from "../engine/plan.ts";
import { settle, toSettled } from "../engine/settle.ts";
import type { StartedExecution } from "../executions/life.sql.ts";
import { answered } from "./answered.ts";
import { roomFor } from "./drain.ts";

/** A worker that a test plays, holding what it started. */
export function playWorker(engine: Engine) {
  const workerId = randomUUID();
  return {
    workerId,
    start: async (room = 100) => {
      const pass = await plan(engine, { workerId, admission: roomFor(room) });
      await endUnstarted(engine, pass.unwanted);
      return pass.started;
    },
    takeTurn: async (room = 100) => {
      const pass = await takeLines(engine, { workerId, admission: roomFor(room), leastPriority: -1000 });
      await endUnstarted(engine, pass.unwanted);
      return pass.started;
    },
    settle: async (execution: StartedExecution, answer: Partial<Answer> = {}) => {
      const settled = toSettled(execution, { ...answered, ...answer }, new Date(execution.clock));
      await settle(engine, workerId, [settled]);
      return settled;
    },
  };
}
