import type { Execution } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { notify } from "../database/notices.ts";
import type { Tx } from "../database/tables.ts";
import { newId } from "../ids.ts";
import { toExecution } from "./execution.ts";
import { findExecution, insertDueExecution } from "./executions.sql.ts";

/** An execution that belongs to no slot: somebody asked for it. */
export interface Asked {
  jobId: string;
  revisionId: string;
  trigger: "manual" | "replay";
  replayOf: string | null;
}

/** Starts an execution at once, leaving the job's schedule as it is. */
export async function startExecution(
  { tx, caller, now }: { tx: Tx; caller: Caller; now: Date },
  asked: Asked,
): Promise<Execution> {
  const id = newId(now);
  await insertDueExecution(tx, { ...asked, id, scopeId: caller.scopeId }, now);
  await notify(tx, "due");
  return toExecution((await findExecution(tx, caller.scopeId, id))!);
}
