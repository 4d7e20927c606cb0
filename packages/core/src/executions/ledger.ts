import type { Db, Tx } from "../database/tables.ts";
import { endWaitingOf } from "./endings.sql.ts";
import { type ExecutionRow, findLastSlot, guardOpen } from "./executions.sql.ts";

/** A slot that has its execution. */
export type LedgerRow = ExecutionRow;

interface JobKey {
  scopeId: number;
  id: string;
}

/** The execution of a job's last slot at or before `at`, or of its last slot of all. */
export function lastSlot(db: Db, job: JobKey, at: Date | null): Promise<LedgerRow | undefined> {
  return findLastSlot(db, job, at);
}

/** Makes what a job has under way count for its overlap. */
export function guardUnderWay(tx: Tx, job: JobKey): Promise<void> {
  return guardOpen(tx, job.scopeId, job.id);
}

/**
 * Ends what a job has not started yet; the job is canceled or deleted in the same transaction, so that nobody starts the
 * rest where that takes more than one step. Tickets of canceled executions are dropped when they come up.
 */
export async function cancelWaiting(tx: Tx, job: JobKey & { reason: string }, now: Date): Promise<void> {
  const { scopeId, id, reason } = job;
  await endWaitingOf(tx, { scope_id: scopeId, kind: "job", id, reason }, now);
}
