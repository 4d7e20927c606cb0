import { z } from "zod";
import { operation } from "../operation.ts";
import { deleted, id, page, pageInput } from "../schemas/common.ts";
import { rule, ruleInput, ruleScope } from "../schemas/rule.ts";

const concise = ["id", "event", "channel_id", "channel_name"] as const;
const unless = { job_id: null, queue: null, threshold: null, seconds: null, times: null };

export const listRules = operation({
  name: "list_rules",
  title: "List rules",
  description: "List notification rules: which channel is alerted of what.",
  input: z.strictObject({ job_id: id.optional(), ...pageInput }),
  output: page(rule),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "GET", path: "/v1/rules" },
  tool: { concise, unless },
});

export const addRule = operation({
  name: "add_rule",
  title: "Add a rule",
  description:
    "Alert or notify a channel when a job fails, recovers, is missed … : one job, a queue's, or else all.",
  input: z.strictObject({ ...ruleScope, ...ruleInput }),
  output: rule,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "POST", path: "/v1/rules", status: 201 },
  tool: { concise, unless },
});

export const removeRule = operation({
  name: "remove_rule",
  title: "Remove a rule",
  description: "Remove a notification rule.",
  input: z.strictObject({ rule_id: id, job_id: id.optional() }),
  output: deleted,
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "DELETE", path: "/v1/rules/{rule_id}" },
  tool: { concise: ["deleted", "id"] },
});

export const listJobRules = operation({
  name: "list_job_rules",
  title: "List a job's rules",
  description: "List the rules that hold for a job: its own, its queue's, everybody's.",
  input: z.strictObject({ job_id: id, ...pageInput }),
  output: page(rule),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "GET", path: "/v1/jobs/{job_id}/rules" },
});

export const addJobRule = operation({
  name: "add_job_rule",
  title: "Add a rule to a job",
  description: "Let a channel be told of what happens to a job.",
  input: z.strictObject({ job_id: id, ...ruleInput }),
  output: rule,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "POST", path: "/v1/jobs/{job_id}/rules", status: 201 },
});

export const removeJobRule = operation({
  name: "remove_job_rule",
  title: "Remove a rule of a job",
  description: "Remove a rule that a job has of its own.",
  input: z.strictObject({ job_id: id, rule_id: id }),
  output: deleted,
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "notifications",
  http: { method: "DELETE", path: "/v1/jobs/{job_id}/rules/{rule_id}" },
});
