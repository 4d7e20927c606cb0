import type { Execution } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { notify } from "../database/notices.ts";
import type { Tx } from "../database/tables.ts";
import { newId, slotId } from "../ids.ts";
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
  await insertDueExecution(tx, { ...asked, id, scopeId: caller.scopeId, scheduledFor: now }, now);
  await notify(tx, "due");
  return toExecution((await findExecution(tx, caller.scopeId, id))!);
}

/**
 * Gives a slot its execution before its job moves on without it: it has been due for a moment, and no worker had room
 * for it yet.
 */
export async function startSlot(
  { tx, now }: { tx: Tx; now: Date },
  job: { scope_id: number; id: string; revision_id: string },
  slot: Date,
): Promise<void> {
  const execution = {
    scopeId: job.scope_id,
    id: slotId(job.id, slot),
    jobId: job.id,
    revisionId: job.revision_id,
  };
  const planned = { trigger: "schedule", replayOf: null, scheduledFor: slot } as const;
  await insertDueExecution(tx, { ...execution, ...planned }, now);
  await notify(tx, "due");
}
