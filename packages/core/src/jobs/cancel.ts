import { endWaitingOf } from "../executions/endings.sql.ts";
import { sessionIn, type WriteContext } from "../operations/context.ts";
import { type JobRow, updateJob } from "./jobs.sql.ts";
import { leaveTombstone } from "./tombstone.ts";

/** Ends a job that is locked for good, and what of it has not started yet. */
export async function cancelJob(context: WriteContext, job: JobRow): Promise<void> {
  const { scope_id, id } = job;
  await endWaitingOf(sessionIn(context), { scope_id, kind: "job", id, reason: "job_canceled" });
  await leaveTombstone(context, job);
  await updateJob(context.tx, scope_id, id, {
    state: "canceled",
    next_run_at: null,
    updated_at: context.now,
  });
}
