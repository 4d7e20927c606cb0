import type { Execution, Overlap } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { signal } from "../database/signals.ts";
import type { Tx } from "../database/tables.ts";
import { newId, slotId } from "../ids.ts";
import { toExecution } from "./execution.ts";
import { findExecution, insertDueExecution } from "./executions.sql.ts";

/** An execution that belongs to no slot: somebody asked for it. */
export interface Asked {
  jobId: string;
  queue: string;
  revisionId: string;
  trigger: "manual" | "replay";
  replayOf: string | null;
  /** Past this it is not sent any more. */
  expiresAt: Date | null;
  /** Its job does not allow its executions to overlap. */
  guarded: boolean;
  /** Not before this; at once where it is missing. */
  dueAt?: Date;
  lineage?: { parent_execution_id: string | null; depth: number };
}

interface Guarding {
  ttl_seconds: number | null;
  overlap: Overlap;
}

/** What a job says about an execution that is for `at`. */
export function limitsOf({ ttl_seconds, overlap }: Guarding, at: Date): Pick<Asked, "expiresAt" | "guarded"> {
  const expiresAt = ttl_seconds === null ? null : new Date(at.getTime() + ttl_seconds * 1000);
  return { expiresAt, guarded: overlap !== "allow" };
}

/** Starts an execution, leaving the job's schedule as it is. */
export async function startExecution(
  { tx, caller, now }: { tx: Tx; caller: Caller; now: Date },
  asked: Asked,
): Promise<Execution> {
  const id = newId(now);
  const dueAt = asked.dueAt ?? now;
  await insertDueExecution(tx, { ...asked, id, scopeId: caller.scopeId, scheduledFor: dueAt, dueAt }, now);
  await signal(tx, "due");
  return toExecution((await findExecution(tx, { scopeId: caller.scopeId }, id))!);
}

/**
 * Gives a slot its execution before its job moves on without it: it has been due for a moment, and no worker had room
 * for it yet.
 */
export async function startSlot(
  { tx, now }: { tx: Tx; now: Date },
  job: Guarding & { scope_id: number; id: string; queue: string; revision_id: string },
  slot: Date,
): Promise<void> {
  const execution = {
    scopeId: job.scope_id,
    id: slotId(job.id, slot),
    jobId: job.id,
    queue: job.queue,
    revisionId: job.revision_id,
    trigger: "schedule",
    replayOf: null,
    scheduledFor: slot,
    dueAt: now,
    ...limitsOf(job, slot),
  } as const;
  await insertDueExecution(tx, execution, now);
  await signal(tx, "due");
}
