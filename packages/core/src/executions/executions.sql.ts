import { type Selectable, sql } from "kysely";
import type { ExecutionStatus, Trigger } from "@org/scheduler-contract";
import type { Attempts, Db, Executions, Tx } from "../database/tables.ts";

export type ExecutionRow = Selectable<Executions> & { max_attempts: number };
export type AttemptRow = Selectable<Attempts>;

export interface ExecutionFilter {
  jobId?: string | undefined;
  status?: ExecutionStatus | undefined;
  trigger?: Trigger | undefined;
  /** Ids of this and later. */
  fromId?: string | undefined;
  /** Ids before this. */
  beforeId?: string | undefined;
}

function executions(db: Db | Tx, scopeId: number) {
  return db
    .selectFrom("executions")
    .innerJoin("revisions", (join) =>
      join
        .onRef("revisions.scope_id", "=", "executions.scope_id")
        .onRef("revisions.id", "=", "executions.revision_id"),
    )
    .where("executions.scope_id", "=", scopeId)
    .selectAll("executions")
    .select(sql<number>`(revisions.retry->>'max_attempts')::integer`.as("max_attempts"));
}

/** One page of executions, newest first, with one row more than `limit` where there is a next page. */
export function listExecutions(
  db: Db,
  scopeId: number,
  { filter, limit }: { filter: ExecutionFilter; limit: number },
): Promise<ExecutionRow[]> {
  let query = executions(db, scopeId)
    .orderBy("executions.id", "desc")
    .limit(limit + 1);
  if (filter.jobId !== undefined) query = query.where("executions.job_id", "=", filter.jobId);
  if (filter.status !== undefined) query = query.where("executions.status", "=", filter.status);
  if (filter.trigger !== undefined) query = query.where("executions.trigger", "=", filter.trigger);
  if (filter.fromId !== undefined) query = query.where("executions.id", ">=", filter.fromId);
  if (filter.beforeId !== undefined) query = query.where("executions.id", "<", filter.beforeId);
  return query.execute();
}

export function findExecution(db: Db | Tx, scopeId: number, id: string): Promise<ExecutionRow | undefined> {
  return executions(db, scopeId).where("executions.id", "=", id).executeTakeFirst();
}

export function findAttempts(db: Db, scopeId: number, executionId: string): Promise<AttemptRow[]> {
  return db
    .selectFrom("attempts")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .where("execution_id", "=", executionId)
    .orderBy("number")
    .execute();
}

/** The execution of a job's last slot at or before `at`. */
export function findLastSlot(
  db: Db,
  job: { scopeId: number; id: string },
  at: Date | null,
): Promise<ExecutionRow | undefined> {
  let query = executions(db, job.scopeId)
    .where("executions.job_id", "=", job.id)
    .where("executions.slot", "is not", null)
    .orderBy("executions.slot", "desc")
    .limit(1);
  if (at !== null) query = query.where("executions.slot", "<=", at);
  return query.executeTakeFirst();
}

/** Writes an execution that is due now and belongs to no slot. */
export async function insertDueExecution(
  tx: Tx,
  execution: {
    scopeId: number;
    id: string;
    jobId: string;
    revisionId: string;
    trigger: Trigger;
    replayOf: string | null;
  },
  now: Date,
): Promise<void> {
  await tx
    .insertInto("executions")
    .values({
      scope_id: execution.scopeId,
      id: execution.id,
      job_id: execution.jobId,
      revision_id: execution.revisionId,
      trigger: execution.trigger,
      status: "pending",
      scheduled_for: now,
      due_at: now,
      replay_of: execution.replayOf,
      created_at: now,
    })
    .execute();
}

/** Ends an execution that waits. Answers false where it was not waiting (any more). */
export async function cancelWaiting(tx: Tx, scopeId: number, id: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("executions")
    .set({ status: "canceled", reason: "canceled", due_at: null, finished_at: now })
    .where("scope_id", "=", scopeId)
    .where("id", "=", id)
    .where("status", "in", ["pending", "retrying"])
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Ends every execution of a job that waits. */
export async function cancelWaitingOfJob(
  tx: Tx,
  job: { scopeId: number; id: string; reason: string },
  now: Date,
): Promise<void> {
  await tx
    .updateTable("executions")
    .set({ status: "canceled", reason: job.reason, due_at: null, finished_at: now })
    .where("scope_id", "=", job.scopeId)
    .where("job_id", "=", job.id)
    .where("status", "in", ["pending", "retrying"])
    .execute();
}
