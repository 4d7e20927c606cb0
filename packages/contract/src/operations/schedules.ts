import { z } from "zod";
import { operation } from "../operation.ts";
import { agentName } from "../schemas/agent.ts";
import { id, idempotencyKey, page, pageInput } from "../schemas/common.ts";
import { execution } from "../schemas/execution.ts";
import { changedJob, job } from "../schemas/job.ts";
import { createJob, deleteJob, newJob, updateJob } from "./jobs.ts";

// A schedule of an agent is a job that sends it messages; what is asked for here is about those alone.

const list = "/v1/agents/{agent}/schedules" as const;
const one = `${list}/{schedule_id}` as const;
const of = { agent: agentName, schedule_id: id };
const common = { access: "any_caller", toolset: "agents" } as const;

/** What an agent's schedule has no part in: its request is its message. */
const ofRequests = { url: true, method: true, headers: true, body: true } as const;
const enabled = z.boolean().optional();

export const listAgentSchedules = operation({
  name: "list_agent_schedules",
  title: "List an agent's schedules",
  description: "List the schedules of an agent, with when they ran last and run next.",
  input: z.strictObject({ agent: agentName, ...pageInput }),
  output: page(job),
  risk: "read",
  ...common,
  idempotent: true,
  http: { method: "GET", path: list },
});

export const createAgentSchedule = operation({
  name: "create_agent_schedule",
  title: "Create a schedule of an agent",
  description: "Send an agent a message at a time, or again and again.",
  input: newJob
    .omit({ ...ofRequests, agent: true, draft: true, message: true })
    .extend({ agent: agentName, message: newJob.shape.message.unwrap(), enabled })
    .extend({ dry_run: createJob.input.shape.dry_run, idempotency_key: idempotencyKey.optional() }),
  output: changedJob,
  risk: "write",
  ...common,
  idempotent: false,
  http: { method: "POST", path: list, status: 201 },
});

export const getAgentSchedule = operation({
  name: "get_agent_schedule",
  title: "Get a schedule of an agent",
  description: "Show one schedule of an agent.",
  input: z.strictObject(of),
  output: job,
  risk: "read",
  ...common,
  idempotent: true,
  http: { method: "GET", path: one },
});

export const updateAgentSchedule = operation({
  name: "update_agent_schedule",
  title: "Update a schedule of an agent",
  description: "Change a schedule of an agent: what is left out stays as it is.",
  input: updateJob.input.omit({ ...ofRequests, job_id: true }).extend({ ...of, enabled }),
  output: changedJob,
  risk: "write",
  ...common,
  idempotent: true,
  http: { method: "PUT", path: one },
});

export const deleteAgentSchedule = operation({
  name: "delete_agent_schedule",
  title: "Delete a schedule of an agent",
  description: "Delete a schedule of an agent; with purge its history too.",
  input: deleteJob.input.omit({ job_id: true }).extend(of),
  output: deleteJob.output,
  risk: "destructive",
  ...common,
  idempotent: true,
  http: { method: "DELETE", path: one },
});

export const enableAgentSchedule = operation({
  name: "enable_agent_schedule",
  title: "Enable a schedule of an agent",
  description: "Let a schedule of an agent run from now on.",
  input: z.strictObject(of),
  output: job,
  risk: "write",
  ...common,
  idempotent: true,
  http: { method: "POST", path: `${one}/enable` },
});

export const disableAgentSchedule = operation({
  name: "disable_agent_schedule",
  title: "Disable a schedule of an agent",
  description: "Let a schedule of an agent rest until it is enabled.",
  input: z.strictObject(of),
  output: job,
  risk: "write",
  ...common,
  idempotent: true,
  http: { method: "POST", path: `${one}/disable` },
});

export const triggerAgentSchedule = operation({
  name: "trigger_agent_schedule",
  title: "Trigger a schedule of an agent",
  description: "Send an agent the message of a schedule now. Answers with the execution.",
  input: z.strictObject(of),
  output: execution,
  risk: "execute",
  ...common,
  idempotent: false,
  http: { method: "POST", path: `${one}/trigger`, status: 201 },
});

export const listScheduleExecutions = operation({
  name: "list_schedule_executions",
  title: "List the executions of a schedule",
  description: "List the executions of one schedule of an agent, newest first.",
  input: z.strictObject({ ...of, ...pageInput }),
  output: page(execution),
  risk: "read",
  ...common,
  idempotent: true,
  http: { method: "GET", path: `${one}/executions` },
});

export const listAgentExecutions = operation({
  name: "list_agent_executions",
  title: "List an agent's executions",
  description: "List the executions of all schedules of an agent, newest first.",
  input: z.strictObject({ agent: agentName, ...pageInput }),
  output: page(execution),
  risk: "read",
  ...common,
  idempotent: true,
  http: { method: "GET", path: "/v1/agents/{agent}/executions" },
});
