import { SchedulerError } from "@org/scheduler-contract";
import { describeCaller } from "../access/caller.ts";
import type { WriteContext } from "../operations/context.ts";
import type { JobRow } from "./jobs.sql.ts";
import { insertTombstone, type Tombstone } from "./keys.sql.ts";

/** Remembers of a job that goes that its key was deleted, so that whoever declares it again is told. */
export async function leaveTombstone({ tx, caller, now }: WriteContext, job: JobRow): Promise<void> {
  if (job.key === null) return;
  await insertTombstone(tx, {
    scope_id: job.scope_id,
    key: job.key,
    job_id: job.id,
    deleted_by: describeCaller(caller),
    deleted_at: now,
  });
}

/** Somebody wanted the job of this key gone. */
export function keyDeleted({ key, deleted_by, deleted_at }: Tombstone): SchedulerError {
  return new SchedulerError(
    "key_deleted",
    `The job with the key "${key}" was deleted or canceled by ${deleted_by} at ${deleted_at.toISOString()}.`,
    {
      field: "key",
      hint: 'Leave it out, or give another key; to create it anew all the same, send it with "revive": true.',
    },
  );
}
