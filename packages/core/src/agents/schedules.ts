import type { Output } from "@org/scheduler-contract";
import { type Reach, reachOf } from "../access/reach.sql.ts";
import type { Action } from "../access/matrix.ts";
import type { Caller } from "../access/caller.ts";
import { listExecutions } from "../executions/executions.sql.ts";
import { toExecution } from "../executions/execution.ts";
import { toJob } from "../jobs/job.ts";
import { findJob, listJobs } from "../jobs/jobs.sql.ts";
import { jobOperations } from "../jobs/operations.ts";
import type { Db, Tx } from "../database/tables.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import type { Handlers, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { requireAgent } from "./agent.ts";
import { schedulesOf } from "./schedules.sql.ts";

type Names =
  | "list_agent_schedules"
  | "create_agent_schedule"
  | "get_agent_schedule"
  | "update_agent_schedule"
  | "delete_agent_schedule"
  | "enable_agent_schedule"
  | "disable_agent_schedule"
  | "trigger_agent_schedule"
  | "list_schedule_executions"
  | "list_agent_executions";

/** What is done to a schedule is done to its job. Who may do it, says the matrix: for its agent and for the job alike. */
export const scheduleOperations: Handlers<Names> = {
  async list_agent_schedules({ db, caller }, { agent, limit, cursor }) {
    await requireAgent(db, caller, agent, "list");
    const page = { filter: { agent, isSchedule: true }, before: readCursor("job", cursor), limit };
    const rows = await listJobs(db, reachOf(caller, "list"), { ...page, now: new Date() });
    return toPage(rows, { limit, prefix: "job", view: toJob });
  },

  async create_agent_schedule(context, { enabled = true, ...input }) {
    await requireAgent(context.tx, context.caller, input.agent, "create");
    const made = await jobOperations.create_job(context, input);
    if (enabled || context.dryRun) return made;
    return { ...made, ...(await jobOperations.pause_job(context, { job_id: made.id })) };
  },

  async get_agent_schedule({ db, caller }, of) {
    return toJob(await requireSchedule(db, caller, of, "get"));
  },

  async update_agent_schedule(context, { agent, schedule_id, enabled, ...input }) {
    await requireSchedule(context.tx, context.caller, { agent, schedule_id }, "update");
    const changed = await jobOperations.update_job(context, { ...input, job_id: schedule_id });
    if (enabled === undefined || context.dryRun) return changed;
    return { ...changed, ...(await toggle(context, schedule_id, enabled)) };
  },

  async delete_agent_schedule(context, { agent, schedule_id, purge }) {
    await requireSchedule(context.tx, context.caller, { agent, schedule_id }, "delete");
    return jobOperations.delete_job(context, { job_id: schedule_id, purge });
  },

  async enable_agent_schedule(context, of) {
    await requireSchedule(context.tx, context.caller, of, "toggle");
    return toggle(context, of.schedule_id, true);
  },

  async disable_agent_schedule(context, of) {
    await requireSchedule(context.tx, context.caller, of, "toggle");
    return toggle(context, of.schedule_id, false);
  },

  async trigger_agent_schedule(context, of) {
    await requireSchedule(context.tx, context.caller, of, "trigger");
    return jobOperations.run_job(context, { job_id: of.schedule_id });
  },

  async list_schedule_executions({ db, caller }, { limit, cursor, ...of }) {
    const job = await requireSchedule(db, caller, of, "executions");
    return pageOf(db, { scopeId: caller.scopeId }, { limit, cursor, jobId: job.id });
  },

  async list_agent_executions({ db, caller }, { agent, limit, cursor }) {
    await requireAgent(db, caller, agent, "executions");
    return pageOf(db, schedulesOf(caller.scopeId, agent), { limit, cursor });
  },
};

interface Named {
  agent: string;
  schedule_id: string;
}

/** A schedule of an agent. Throws `not_found`: of the agent or of the schedule, whatever the reason. */
async function requireSchedule(db: Db | Tx, caller: Caller, { agent, schedule_id }: Named, action: Action) {
  await requireAgent(db, caller, agent, action);
  const uuid = fromPublicId("job", schedule_id);
  const job = uuid === undefined ? undefined : await findJob(db, reachOf(caller, action), uuid);
  if (job?.agent === agent && job.message !== null) return job;
  throw noSuch("schedule", schedule_id, {
    prefix: "job",
    shown: `GET /v1/agents/{agent}/schedules shows those of an agent`,
  });
}

function toggle(context: WriteContext, job_id: string, enabled: boolean): Promise<Output<"pause_job">> {
  return enabled
    ? jobOperations.resume_job(context, { job_id })
    : jobOperations.pause_job(context, { job_id });
}

async function pageOf(
  db: Db,
  reach: Reach,
  { limit, cursor, jobId }: { limit: number; cursor: string | undefined; jobId?: string },
): Promise<Output<"list_agent_executions">> {
  const filter = { reach, jobId, beforeId: readCursor("exec", cursor) };
  const { rows } = await listExecutions(db, reach.scopeId, { filter, limit });
  return toPage(rows, { limit, prefix: "exec", view: toExecution });
}
