import { type Operation, operations } from "@org/scheduler-contract";
import type { Called } from "./decide.ts";
import { dialectTools } from "./dialect-tools.ts";

/** Whether there is a tool of this name: an operation, or a dialect's tool with or without the dialect before it. */
export function isKnownTool(name: string): boolean {
  if (Object.hasOwn(operations, name)) return true;
  const [first, second] = name.split("/") as [string, string?];
  if (second === undefined) return Object.values(dialectTools).some((tools) => Object.hasOwn(tools, first));
  return Object.hasOwn(dialectTools, first) && Object.hasOwn(dialectTools[first]!, second);
}

/** The arguments that a tool requires, by its name in a policy. */
export function requiredByName(name: string): readonly string[] {
  if (Object.hasOwn(operations, name)) return requiredOf((operations as Record<string, Operation>)[name]!);
  const [first, second] = name.split("/") as [string, string?];
  const tools = second === undefined ? Object.values(dialectTools) : [dialectTools[first] ?? {}];
  const tool = second ?? first;
  return tools.find((one) => Object.hasOwn(one, tool))?.[tool] ?? [];
}

const known = new Map<string, readonly string[]>();

/** The fields that an operation cannot do without. */
export function requiredOf({ name, input, missing }: Operation): readonly string[] {
  const before = known.get(name);
  if (before) return before;
  const alone = Object.keys(input.shape).filter((field) => !input.shape[field]!.safeParse(undefined).success);
  const either = missing?.({}).flatMap((path) => path[0] ?? []) ?? [];
  const required = name === "create_job" || name === "put_job" ? alone : [...alone, ...either];
  known.set(name, required);
  return required;
}

/** What is many in one, and the operation and the argument of each. */
const batches: Record<string, { tool: string; list: string; as?: string }> = {
  create_jobs: { tool: "create_job", list: "jobs" },
  pause_jobs: { tool: "pause_job", list: "job_ids", as: "job_id" },
  resume_jobs: { tool: "resume_job", list: "job_ids", as: "job_id" },
  replay_executions: { tool: "replay_execution", list: "execution_ids", as: "execution_id" },
};

/** Each of the calls that a call of many stands for. */
export function itemsOf(call: Called): Called[] {
  const batch = Object.hasOwn(batches, call.tool) ? batches[call.tool] : undefined;
  const list = batch && (call.args as Record<string, unknown> | null | undefined)?.[batch.list];
  if (!batch || !Array.isArray(list)) return [];
  const { tool, as } = batch;
  const required = requiredByName(tool);
  return list
    .slice(0, 1000)
    .map((item: unknown) => ({ tool, args: as ? { [as]: item } : item, required, within: call }));
}

/** What does the same as another operation, by another name or for fewer things, and what its arguments are called there. */
const same: Record<string, { tool: string; renames?: Record<string, string>; adds?: object }> = {
  put_job: { tool: "create_job" },
  add_job_rule: { tool: "add_rule" },
  remove_job_rule: { tool: "remove_rule" },
  list_job_rules: { tool: "list_rules" },
  pause_queue: { tool: "update_queue", adds: { paused: true } },
  resume_queue: { tool: "update_queue", adds: { paused: false } },
  list_agent_schedules: { tool: "list_jobs" },
  create_agent_schedule: { tool: "create_job" },
  get_agent_schedule: { tool: "get_job", renames: { schedule_id: "job_id" } },
  update_agent_schedule: { tool: "update_job", renames: { schedule_id: "job_id" } },
  delete_agent_schedule: { tool: "delete_job", renames: { schedule_id: "job_id" } },
  enable_agent_schedule: { tool: "resume_job", renames: { schedule_id: "job_id" } },
  disable_agent_schedule: { tool: "pause_job", renames: { schedule_id: "job_id" } },
  trigger_agent_schedule: { tool: "run_job", renames: { schedule_id: "job_id" } },
  list_schedule_executions: { tool: "list_executions", renames: { schedule_id: "job_id" } },
  list_agent_executions: { tool: "list_executions" },
};

/** A call by its own name, and by that of what it comes down to: no other way leads past the rules for that. */
export function namesOf(call: Called): Called[] {
  const other = Object.hasOwn(same, call.tool) ? same[call.tool] : undefined;
  if (!other || typeof call.args !== "object" || call.args === null) return [call];
  const { tool, renames = {}, adds } = other;
  const args = Object.fromEntries(
    Object.entries(call.args).map(([name, value]) => [
      Object.hasOwn(renames, name) ? renames[name]! : name,
      value,
    ]),
  );
  return [call, { tool, args: { ...args, ...adds }, required: requiredByName(tool) }];
}
