import type { JobChange, NewRevision } from "../database/tables.ts";
import { guardOpen } from "../executions/executions.sql.ts";
import { startSlot } from "../executions/start.ts";
import type { WriteContext } from "../operations/context.ts";
import { useQueues } from "../queues/known.ts";
import { noticeIfNear } from "./create.ts";
import { insertRevisions, type JobRow, updateJob } from "./jobs.sql.ts";
import { afterOneMore, losesSlot } from "./reschedule.ts";

/** Stores what changes in a job that is locked, and what follows from it. */
export async function applyChange(
  { tx, caller, now }: WriteContext,
  job: JobRow,
  { change, revision }: { change: JobChange; revision: NewRevision | undefined },
): Promise<void> {
  if (losesSlot(job, change, now)) {
    await startSlot({ tx, now }, job, job.next_run_at!);
    Object.assign(change, afterOneMore(job, change));
  }
  if (job.overlap === "allow" && change.overlap !== undefined && change.overlap !== "allow") {
    await guardOpen(tx, caller.scopeId, job.id);
  }
  if (change.queue !== undefined) await useQueues({ tx, now, scopeId: caller.scopeId }, [change.queue]);
  if (revision) await insertRevisions(tx, [revision]);
  await updateJob(tx, caller.scopeId, job.id, change);
  await noticeIfNear(tx, change.next_run_at ?? null, now);
}
