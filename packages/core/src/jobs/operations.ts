import { reachOf } from "../access/reach.sql.ts";
import { SchedulerError } from "@org/scheduler-contract";
import { limitsOf, startExecution } from "../executions/start.ts";
import type { Handlers, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { previewSchedule } from "../time/preview.ts";
import { assertNoRequest } from "./addressed.ts";
import { applyChange, changedFields, changeOf } from "./change.ts";
import { noticeIfNear } from "./create.ts";
import { type Declared, declareJobs } from "./declare.ts";
import { deleteJob } from "./delete.ts";
import { explain } from "./explain.ts";
import { firstExecutionId, toChangedJob, toJob, toSchedule } from "./job.ts";
import { countJobs, type JobRow, listJobs, updateJob } from "./jobs.sql.ts";
import { changeJobs } from "./many.ts";
import { lockJobFor, requireJob, stateConflict } from "./require.ts";
import { addAlertRules } from "../rules/add.ts";
import { retimeGathered } from "../rules/gather.ts";
import { notesOnRequests } from "./request-notes.ts";
import { assertNotCanceled, reschedules } from "./reschedule.ts";
import { activate, readSchedule } from "./schedule.ts";
import { assertTargets } from "./targets.ts";
import { readTiming, retime, saysWhen } from "./timing.ts";
import { cancelJob } from "./cancel.ts";
import { takeRun } from "./budget.ts";
import { lineageOf } from "./lineage.ts";
import { assertRequest, notesOnEnd, withinBounds } from "./within-bounds.ts";
import { type Declaration, difference, wanted } from "./wanted.ts";

type Names =
  | "list_jobs"
  | "get_job"
  | "create_job"
  | "create_jobs"
  | "put_job"
  | "update_job"
  | "pause_job"
  | "resume_job"
  | "run_job"
  | "cancel_job"
  | "delete_job"
  | "explain_job"
  | "preview_schedule"
  | "pause_jobs"
  | "resume_jobs";

const newJob = "Create a new job with create_job.";

export const jobOperations: Handlers<Names> = {
  async list_jobs({ db, caller, now }, { limit, cursor, counts, ...filter }) {
    const page = { filter, before: readCursor("job", cursor), limit };
    const at = filter.overdue === undefined ? new Date() : await now();
    const reach = reachOf(caller, "list");
    const rows = await listJobs(db, reach, { ...page, now: at });
    const answer = toPage(rows, { limit, prefix: "job", view: toJob });
    return counts ? { ...answer, counts: await countJobs(db, reach, { filter, now: at }) } : answer;
  },

  async get_job({ db, caller }, input) {
    return toJob(await requireJob(db, caller, input.job_id));
  },

  async create_job(context, input) {
    const [{ job, isNew }] = (await declare(context, [input])) as [Declared];
    const execution_id = isNew && !context.dryRun ? firstExecutionId(job) : undefined;
    const notes = await noteOn(context, { job, given: input.headers });
    return { ...toChangedJob(context, job, notes), ...(execution_id !== undefined && { execution_id }) };
  },

  async create_jobs(context, input) {
    const jobs = (await declare(context, input.jobs)).map(({ job }) => job);
    const given = jobs.map((job, index) => ({ job, given: input.jobs[index]!.headers }));
    const notes = await notesOnRequests(context.tx, context.caller, given);
    const { caller } = context;
    return {
      data: jobs.map((job, index) =>
        toChangedJob(context, job, [...notes[index]!, ...notesOnEnd(caller, job)]),
      ),
    };
  },

  async put_job(context, input) {
    const [{ job }] = (await declare(context, [input])) as [Declared];
    return toChangedJob(context, job, await noteOn(context, { job, given: input.headers }));
  },

  async update_job(context, input) {
    const { tx, caller, now, cipher } = context;
    const job = await lockJobFor(tx, caller, input.job_id, "update");
    assertTargets(input, context.allowedTargets);
    if (job.message !== null) assertNoRequest(input);
    else if (input.message !== undefined) throw noAgent();
    const retimed = saysWhen(input);
    if (retimed || reschedules(input)) assertNotCanceled(job);
    const timing = retimed ? retime(job, readTiming(input, input.timezone ?? job.timezone, now)) : undefined;
    const row = wanted(input, { ...job, ...timing }, { owner: job, cipher, before: job });
    const differing = difference(job, withinBounds(context, row, { saysEnd: input.end_at !== undefined }));
    // Saying again what is already so changes nothing: asking twice must not push an interval's next run away.
    const anew = retimed && job.state !== "active";
    await applyChange(context, job, changeOf(job, differing, { anew, now }));
    if (differing.muted_until !== undefined)
      await retimeGathered(context, { job: job.id }, differing.muted_until);
    const changed = await requireJob(tx, caller, input.job_id);
    const notes = await noteOn(context, { job: changed, given: input.headers });
    const fields = changedFields(toJob(job), toJob(changed));
    // Behind a mask, nobody sees the change.
    const isSealedAnew = "sealed_headers" in differing && !fields.includes("headers");
    return {
      ...toChangedJob(context, changed, notes),
      changed: isSealedAnew ? [...fields, "headers"] : fields,
    };
  },

  async pause_job(context, input) {
    const job = await lockJobFor(context.tx, context.caller, input.job_id, "toggle");
    const paused = toPaused(job);
    return paused ? change(context, job, paused) : toJob(job);
  },

  async resume_job(context, input) {
    const { tx, caller, now } = context;
    const job = await lockJobFor(tx, caller, input.job_id, "toggle");
    const resumed = toResumed(job, now);
    if (!resumed) return toJob(job);
    if (caller.bounds) assertRequest(caller.bounds, job);
    await noticeIfNear(tx, resumed.next_run_at, now);
    return change(context, job, resumed);
  },

  pause_jobs: (context, input) => changeJobs(context, input, toPaused),
  resume_jobs: (context, input) => changeJobs(context, input, (job) => toResumed(job, context.now)),

  async run_job(context, input) {
    const { tx, caller, now } = context;
    // Locked, so that a job that is being deleted or canceled starts nothing more.
    const job = await lockJobFor(tx, caller, input.job_id, "trigger");
    if (job.state === "canceled") throw stateConflict(job, "run", newJob);
    const dueAt = new Date(now.getTime() + (input.delay_seconds ?? 0) * 1000);
    await takeRun(context, job, dueAt);
    return startExecution(
      { tx, caller, now },
      {
        jobId: job.id,
        queue: job.queue,
        revisionId: job.revision_id,
        trigger: "manual",
        replayOf: null,
        dueAt,
        lineage: await lineageOf(context, input.parent_execution_id),
        ...limitsOf(job, dueAt),
      },
    );
  },

  async cancel_job(context, input) {
    const { tx, caller } = context;
    const job = await lockJobFor(tx, caller, input.job_id, "delete");
    if (job.state === "canceled") return toJob(job);
    await cancelJob(context, job);
    return toJob(await requireJob(tx, caller, input.job_id));
  },

  delete_job: deleteJob,

  explain_job: explain,

  async preview_schedule(context, input) {
    const from = input.from === undefined ? await context.now() : new Date(input.from);
    const timed = readSchedule(input, from);
    const count = Math.min(input.count, input.max_runs ?? input.count);
    const { timezone } = input;
    return {
      kind: timed.kind,
      ...previewSchedule(toSchedule(timed), { from: from.getTime(), count, timezone }),
    };
  },
};

type Changed = Pick<JobRow, "state" | "run_at" | "next_run_at">;

function noAgent(): SchedulerError {
  return new SchedulerError(
    "invalid_input",
    '"message" has no meaning: the job is sent to a URL, not to an agent.',
    {
      field: "message",
      hint: "Change its body instead, or make a new job with agent and message.",
    },
  );
}

function toPaused(job: JobRow): Changed | undefined {
  if (job.state === "paused") return undefined;
  if (job.state === "active") return { state: "paused", run_at: job.run_at, next_run_at: null };
  throw stateConflict(job, "paused", "Leave it as it is: only an active job has runs to hold back.");
}

function toResumed(job: JobRow, now: Date): Changed | undefined {
  if (job.state === "active") return undefined;
  if (job.state === "canceled") throw stateConflict(job, "resumed", newJob);
  if (job.state === "completed") {
    throw stateConflict(job, "resumed", 'Give it a new timing with update_job, such as {"when": "in 2h"}.');
  }
  const timed = activate(job, now);
  return { ...timed, state: timed.next_run_at === null ? "completed" : "active" };
}

/** Declares jobs, and who is told of their alerts. */
async function declare(context: WriteContext, inputs: Declaration[]): Promise<Declared[]> {
  const declared = await declareJobs(context, inputs);
  for (const [index, { alert_channel_id: channel }] of inputs.entries())
    if (channel !== undefined) await addAlertRules(context, declared[index]!.job.id, channel);
  return declared;
}

async function noteOn(
  { tx, caller }: WriteContext,
  of: Parameters<typeof notesOnRequests>[2][number],
): Promise<string[]> {
  return [...(await notesOnRequests(tx, caller, [of]))[0]!, ...notesOnEnd(caller, of.job)];
}

async function change(
  { tx, caller, now }: WriteContext,
  job: JobRow,
  fields: Pick<JobRow, "state" | "next_run_at"> & Partial<Pick<JobRow, "run_at">>,
): Promise<ReturnType<typeof toJob>> {
  await updateJob(tx, caller.scopeId, job.id, { ...fields, updated_at: now });
  return toJob({ ...job, ...fields, updated_at: now });
}
