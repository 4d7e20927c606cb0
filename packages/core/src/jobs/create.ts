import { SchedulerError, type ParsedInput } from "@org/scheduler-contract";
import { describeCaller } from "../access/caller.ts";
import { notify } from "../database/notices.ts";
import type { NewJob, NewRevision, Tx } from "../database/tables.ts";
import { newId } from "../ids.ts";
import type { WriteContext } from "../operation-context.ts";
import { useQueues } from "../queues/known.ts";
import { defaultQueue } from "../queues/queue.ts";
import { findJobs, insertJobs, insertRevisions, insertTrialJob, type JobRow } from "./jobs.sql.ts";
import { newRevision } from "./revision.ts";
import { readPolicies } from "./policies.ts";
import { firstRun, readSchedule } from "./schedule.ts";

/** A job that is due this soon is told to the planner, which may be asleep; later ones it finds by itself. */
const noticeWithinMs = 5000;

type NewJobInput = ParsedInput<"create_jobs">["jobs"][number];

/** Stores new jobs, however many, in the same few statements: all of them or none. */
export async function createJobs(context: WriteContext, inputs: NewJobInput[]): Promise<JobRow[]> {
  const { tx, caller, now } = context;
  const prepared = inputs.map((input, index) =>
    inputs.length === 1 ? prepareJob(context, input) : inBatch(index, () => prepareJob(context, input)),
  );
  await insertRevisions(
    tx,
    prepared.map(({ revision }) => revision),
  );
  const jobs = prepared.map(({ job }) => job);
  await useQueues(
    { tx, now, scopeId: caller.scopeId },
    jobs.map(({ queue }) => queue),
  );
  if (context.dryRun) for (const job of jobs) await insertTrialJob(tx, job);
  else await insertJobs(tx, jobs);
  const nearest = Math.min(...jobs.map(({ next_run_at }) => next_run_at?.getTime() ?? Infinity));
  await noticeIfNear(tx, nearest === Infinity ? null : new Date(nearest), now);
  const ids = jobs.map(({ id }) => id);
  const stored = new Map((await findJobs(tx, caller.scopeId, ids)).map((row) => [row.id, row]));
  return ids.map((id) => stored.get(id)!);
}

/** Says which of many jobs is at fault. */
function inBatch<Prepared>(index: number, prepare: () => Prepared): Prepared {
  try {
    return prepare();
  } catch (error) {
    if (!(error instanceof SchedulerError)) throw error;
    const { code, message, hint, field } = error;
    throw new SchedulerError(code, `Job ${index} of the batch: ${message}`, {
      hint: `${hint} Nothing of the batch was created.`,
      field: field === undefined ? `jobs.${index}` : `jobs.${index}.${field}`,
    });
  }
}

/** Tells the planner of a run that comes sooner than it may expect. */
export async function noticeIfNear(tx: Tx, nextRunAt: Date | null, now: Date): Promise<void> {
  if (nextRunAt !== null && nextRunAt.getTime() - now.getTime() <= noticeWithinMs) await notify(tx, "due");
}

function prepareJob(
  { caller, now }: WriteContext,
  input: NewJobInput,
): { job: NewJob & { id: string; queue: string; next_run_at: Date | null }; revision: NewRevision } {
  const timed = readSchedule(input, now);
  const id = newId(now);
  const revision = newRevision({ scopeId: caller.scopeId, jobId: id, now }, input);
  const policies = readPolicies(input);
  // Also of a draft: a timing without any run is refused at once.
  const first = firstRun({ ...timed, id, jitter_seconds: policies.jitter_seconds }, now);
  const job = {
    ...timed,
    ...policies,
    scope_id: caller.scopeId,
    id,
    revision_id: revision.id,
    host: revision.host,
    queue: input.queue ?? defaultQueue,
    name: input.name,
    description: input.description ?? null,
    state: input.draft ? ("draft" as const) : ("active" as const),
    max_runs: input.max_runs ?? null,
    metadata: JSON.stringify(input.metadata ?? {}),
    next_run_at: input.draft ? null : first,
    created_by: describeCaller(caller),
    created_at: now,
    updated_at: now,
  };
  return { job, revision };
}
