import { SchedulerError } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import type { Action } from "../access/matrix.ts";
import { type Reach, reachOf } from "../access/reach.sql.ts";
import type { Db, Tx } from "../database/tables.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import { stateInWords } from "./job.ts";
import { findDeleted, findJob, type JobRow, knowsJob, lockJob } from "./jobs.sql.ts";

/** The job behind a caller's id, for whoever may do this with it. Throws `not_found`, whatever the reason. */
export async function requireJob(
  db: Db | Tx,
  caller: Caller,
  id: string,
  action: Action = "get",
): Promise<JobRow> {
  const uuid = fromPublicId("job", id);
  const reach = reachOf(caller, action);
  const job = uuid === undefined ? undefined : await findJob(db, reach, uuid);
  if (!job) throw await noJob(db, reach, id);
  return job;
}

/** The same, and nobody else changes it until the transaction ends. */
export async function lockJobFor(tx: Tx, caller: Caller, id: string, action: Action): Promise<JobRow> {
  const uuid = fromPublicId("job", id);
  const reach = reachOf(caller, action);
  const job = uuid === undefined ? undefined : await lockJob(tx, reach, uuid);
  if (!job) throw await noJob(tx, reach, id);
  return job;
}

/** Why there is no job of an id. What somebody may not do is told as if there had never been one. */
async function noJob(db: Db | Tx, reach: Reach, id: string): Promise<SchedulerError> {
  const uuid = fromPublicId("job", id);
  const deleted = uuid === undefined ? undefined : await findDeleted(db, reach, uuid);
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
export async function requireJobKey(
  db: Db | Tx,
  caller: Caller,
  id: string,
  action: Action = "executions",
): Promise<string> {
  const uuid = fromPublicId("job", id);
  if (uuid === undefined || !(await knowsJob(db, reachOf(caller, action), uuid))) throw noSuchJob(id);
  return uuid;
}

export function noSuchJob(id: string): SchedulerError {
  return noSuch("job", id, { prefix: "job", shown: "list_jobs shows yours" });
}

/** A job's state does not allow what was asked. */
export function stateConflict(job: JobRow, wanted: string, hint: string): SchedulerError {
  return new SchedulerError("conflict", `The job is ${stateInWords(job)} and cannot be ${wanted}.`, { hint });
}
