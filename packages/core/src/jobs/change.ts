import type { Job } from "@org/scheduler-contract";
import { canonicalJson } from "../canonical-json.ts";
import { guardOpen } from "../executions/executions.sql.ts";
import { startSlot } from "../executions/start.ts";
import type { WriteContext } from "../operations/context.ts";
import { addQueues } from "../queues/queues.sql.ts";
import { countNewJobs } from "./budget.ts";
import { noticeIfNear } from "./create.ts";
import { insertRevisions, type JobColumns, type JobRow, type Revision, updateJob } from "./jobs.sql.ts";
import { afterOneMore, losesSlot, reschedule, reschedules } from "./reschedule.ts";
import { newRevision, splitRow } from "./revision.ts";
import type { Wanted } from "./wanted.ts";

/** What is stored of a change: columns of the job, and a new version of its request where that changes. */
export interface Change {
  columns: Partial<JobColumns>;
  revision: Revision | undefined;
}

/** What a difference changes in a job. `anew` gives it its timing again although that is the same. */
export function changeOf(
  job: JobRow,
  differing: Partial<Wanted>,
  { anew, now }: { anew: boolean; now: Date },
): Change {
  const { columns, request } = splitRow(differing);
  const isRequest = Object.keys(request).length > 0;
  const revision = isRequest ? newRevision({ ...job, ...differing }, now) : undefined;
  return {
    columns: {
      ...columns,
      ...(anew || reschedules(differing) ? reschedule(job, differing, { anew, now }) : {}),
      ...(revision && { revision_id: revision.id }),
      updated_at: now,
    },
    revision,
  };
}

/** Stores what changes in a job that is locked, and what follows from it. */
export async function applyChange(
  context: WriteContext,
  job: JobRow,
  { columns, revision }: Change,
): Promise<void> {
  const { tx, caller, now } = context;
  const stored = { ...columns };
  if (losesSlot(job, columns, now)) {
    await startSlot({ tx, now }, job, job.next_run_at!);
    Object.assign(stored, afterOneMore(job, columns));
  }
  if (job.overlap === "allow" && columns.overlap !== undefined) await guardOpen(tx, caller.scopeId, job.id);
  if (columns.queue !== undefined) await addQueues({ tx, caller, now }, [columns.queue]);
  if (revision) await insertRevisions(tx, [revision]);
  await updateJob(tx, caller.scopeId, job.id, stored);
  // One that was over counts again.
  if (job.state === "completed" && columns.state === "active") await countNewJobs(context, 1);
  await noticeIfNear(tx, stored.next_run_at ?? null, now);
}

/** What follows from the others, and so is no change of its own. */
const derived = ["next_runs", "next_run_at", "next_run_local", "schedule_description", "updated_at"];

/** The fields of a job that are not as they were. */
export function changedFields(before: Job, after: Job): string[] {
  const names = Object.keys(after) as (keyof Job)[];
  return names.filter(
    (name) => !derived.includes(name) && canonicalJson(before[name]) !== canonicalJson(after[name]),
  );
}
