import type { z } from "zod";
import * as access from "./access.ts";
import * as agents from "./agents.ts";
import * as audit from "./audit.ts";
import * as channels from "./channels.ts";
import * as deadLetters from "./dead-letters.ts";
import * as deliveries from "./deliveries.ts";
import * as executions from "./executions.ts";
import * as jobs from "./jobs.ts";
import * as manyJobs from "./many-jobs.ts";
import * as policy from "./policy.ts";
import * as queues from "./queues.ts";
import * as rules from "./rules.ts";
import * as schedules from "./schedules.ts";
import * as secrets from "./secrets.ts";
import * as signing from "./signing.ts";
import * as slo from "./slo.ts";
import * as workspaces from "./workspaces.ts";

/** Every operation, under the name that all faces use. */
export const operations = {
  login: access.login,
  logout: access.logout,
  get_me: access.getMe,
  list_tokens: access.listTokens,
  create_token: access.createToken,
  rotate_token: access.rotateToken,
  delete_token: access.deleteToken,
  list_workspaces: workspaces.listWorkspaces,
  create_workspace: workspaces.createWorkspace,
  list_users: workspaces.listUsers,
  create_user: workspaces.createUser,
  update_user: workspaces.updateUser,
  delete_user: workspaces.deleteUser,

  list_jobs: jobs.listJobs,
  get_job: jobs.getJob,
  create_job: jobs.createJob,
  create_jobs: jobs.createJobs,
  put_job: jobs.putJob,
  update_job: jobs.updateJob,
  pause_job: jobs.pauseJob,
  resume_job: jobs.resumeJob,
  run_job: jobs.runJob,
  cancel_job: jobs.cancelJob,
  delete_job: jobs.deleteJob,
  explain_job: jobs.explainJob,
  preview_schedule: jobs.previewSchedule,
  pause_jobs: manyJobs.pauseJobs,
  resume_jobs: manyJobs.resumeJobs,

  list_executions: executions.listExecutions,
  get_execution: executions.getExecution,
  wait_for_execution: executions.waitForExecution,
  replay_execution: executions.replayExecution,
  cancel_execution: executions.cancelExecution,
  replay_executions: deadLetters.replayExecutions,
  purge_executions: deadLetters.purgeExecutions,
  get_replay: deadLetters.getReplay,
  cancel_replay: deadLetters.cancelReplay,

  list_channels: channels.listChannels,
  create_channel: channels.createChannel,
  update_channel: channels.updateChannel,
  delete_channel: channels.deleteChannel,
  test_channel: channels.testChannel,
  list_rules: rules.listRules,
  add_rule: rules.addRule,
  remove_rule: rules.removeRule,
  list_job_rules: rules.listJobRules,
  add_job_rule: rules.addJobRule,
  remove_job_rule: rules.removeJobRule,
  list_deliveries: deliveries.listDeliveries,
  retry_delivery: deliveries.retryDelivery,

  list_secrets: secrets.listSecrets,
  create_secret: secrets.createSecret,
  delete_secret: secrets.deleteSecret,

  list_queues: queues.listQueues,
  update_queue: queues.updateQueue,
  pause_queue: queues.pauseQueue,
  resume_queue: queues.resumeQueue,

  list_agents: agents.listAgents,
  register_agent: agents.registerAgent,
  get_agent: agents.getAgent,
  update_agent: agents.updateAgent,
  delete_agent: agents.deleteAgent,
  permit_agent: agents.permitAgent,
  forbid_agent: agents.forbidAgent,
  list_agent_schedules: schedules.listAgentSchedules,
  create_agent_schedule: schedules.createAgentSchedule,
  get_agent_schedule: schedules.getAgentSchedule,
  update_agent_schedule: schedules.updateAgentSchedule,
  delete_agent_schedule: schedules.deleteAgentSchedule,
  enable_agent_schedule: schedules.enableAgentSchedule,
  disable_agent_schedule: schedules.disableAgentSchedule,
  trigger_agent_schedule: schedules.triggerAgentSchedule,
  list_schedule_executions: schedules.listScheduleExecutions,
  list_agent_executions: schedules.listAgentExecutions,

  list_audit: audit.listAudit,
  get_policy: policy.getPolicy,
  put_policy: policy.putPolicy,
  test_policy: policy.testPolicy,
  list_approvals: policy.listApprovals,
  approve_call: policy.approveCall,
  reject_call: policy.rejectCall,

  list_signing_secrets: signing.listSigningSecrets,
  create_signing_secret: signing.createSigningSecret,
  delete_signing_secret: signing.deleteSigningSecret,

  get_slo: slo.getSlo,
} as const;

export type Operations = typeof operations;
export type OperationName = keyof Operations;

/** What a caller writes: defaults may be left out. */
export type Input<Name extends OperationName> = z.input<Operations[Name]["input"]>;
/** What an implementation gets: checked, with defaults filled in. */
export type ParsedInput<Name extends OperationName> = z.output<Operations[Name]["input"]>;
export type Output<Name extends OperationName> = z.output<Operations[Name]["output"]>;
