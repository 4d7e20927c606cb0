import { SchedulerError } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import type { Db, Tx } from "../database/tables.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import { stateInWords } from "./job.ts";
import { findDeleted, findJob, type JobRow, knowsJob, lockJob } from "./jobs.sql.ts";

/** The job behind a caller's id. Throws `not_found`, also for another workspace's. */
export async function requireJob(db: Db | Tx, caller: Caller, id: string): Promise<JobRow> {
  const uuid = fromPublicId("job", id);
  const job = uuid === undefined ? undefined : await findJob(db, caller.scopeId, uuid);
  if (!job) throw await noJob(db, caller, id);
  return job;
}

/** The same, and nobody else changes it until the transaction ends. */
export async function lockJobFor(tx: Tx, caller: Caller, id: string): Promise<JobRow> {
  const uuid = fromPublicId("job", id);
  const job = uuid === undefined ? undefined : await lockJob(tx, caller.scopeId, uuid);
  if (!job) throw await noJob(tx, caller, id);
  return job;
}

/** Why there is no job of an id. */
async function noJob(db: Db | Tx, caller: Caller, id: string): Promise<SchedulerError> {
  const uuid = fromPublicId("job", id);
  const deleted = uuid === undefined ? undefined : await findDeleted(db, caller.scopeId, uuid);
  if (!deleted) return noSuchJob(id);
  const by = deleted.deleted_by === null ? "" : ` by ${deleted.deleted_by}`;
  const name = JSON.stringify(deleted.name.slice(0, 80));
  return new SchedulerError(
    "not_found",
    `The job ${id} (${name}) was deleted at ${deleted.deleted_at!.toISOString()}${by}.`,
    {
      field: "job_id",
      hint: `list_executions {"job_id": "${id}"} still shows its history; create_job makes a new one.`,
    },
  );
}

/** The key of a job, also of a deleted one: its history is still there. */
export async function requireJobKey(db: Db, caller: Caller, id: string): Promise<string> {
  const uuid = fromPublicId("job", id);
  if (uuid === undefined || !(await knowsJob(db, caller.scopeId, uuid))) throw noSuchJob(id);
  return uuid;
}

export function noSuchJob(id: string): SchedulerError {
  return noSuch("job", id, { prefix: "job", shown: "list_jobs shows yours" });
}

/** A job's state does not allow what was asked. */
export function stateConflict(job: JobRow, wanted: string, hint: string): SchedulerError {
  return new SchedulerError("conflict", `The job is ${stateInWords(job)} and cannot be ${wanted}.`, { hint });
}
