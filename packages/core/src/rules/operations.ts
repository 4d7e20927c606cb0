import { type ParsedInput, type Rule, SchedulerError } from "@org/scheduler-contract";
import { reachOf } from "../access/reach.sql.ts";
import type { Db } from "../database/tables.ts";
import { fromPublicId, noSuch, toPublicId } from "../ids.ts";
import { lockJobFor, requireJob } from "../jobs/require.ts";
import type { Handlers, ReadContext, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { addQueues } from "../queues/queues.sql.ts";
import { addRule } from "./add.ts";
import { settingsOf, toRule } from "./rule.ts";
import { deleteRule, listRules } from "./rules.sql.ts";

type Names =
  "list_rules" | "add_rule" | "remove_rule" | "list_job_rules" | "add_job_rule" | "remove_job_rule";

export const ruleOperations: Handlers<Names> = {
  list_rules: list,
  list_job_rules: list,
  add_rule: add,
  add_job_rule: add,
  remove_rule: remove,
  remove_job_rule: remove,
};

async function list({ db, caller }: ReadContext, { job_id, limit, cursor }: ParsedInput<"list_rules">) {
  const job = job_id === undefined ? undefined : await requireJob(db as Db, caller, job_id);
  const before = readCursor("rule", cursor);
  const rows = await listRules(db, reachOf(caller, "get"), { job, before, limit });
  return toPage(rows, { limit, prefix: "rule", view: toRule });
}

async function add(context: WriteContext, input: ParsedInput<"add_rule">): Promise<Rule> {
  const { tx, caller } = context;
  const { job_id, queue = null } = input;
  assertOne(input);
  if (caller.kind === "agent" && job_id === undefined) throw notOfAll();
  assertSettings(input);
  const job = job_id === undefined ? undefined : await lockJobFor(tx, caller, job_id, "update");
  if (queue !== null) await addQueues(context, [queue]);
  return addRule(context, { ...input, job_id: job?.id ?? null, queue });
}

async function remove({ tx, caller }: WriteContext, { rule_id, job_id }: ParsedInput<"remove_rule">) {
  const id = fromPublicId("rule", rule_id);
  const job = job_id === undefined ? undefined : await requireJob(tx, caller, job_id, "update");
  const of = { id: id ?? "", jobId: job?.id };
  if (id === undefined || !(await deleteRule(tx, reachOf(caller, "update"), of)))
    throw noSuch("rule", rule_id, { prefix: "rule", shown: "list_rules shows yours" });
  return { deleted: true as const, id: toPublicId("rule", id) };
}

function assertOne({ job_id, queue }: ParsedInput<"add_rule">): void {
  if (job_id === undefined || queue === undefined) return;
  throw new SchedulerError("invalid_input", "A rule is of a job or of a queue, not of both.", {
    field: "queue",
    hint: "Leave out one of job_id and queue; without both, the rule is of every job.",
  });
}

function notOfAll(): SchedulerError {
  return new SchedulerError("forbidden", "An agent's key makes rules of its own jobs alone.", {
    field: "job_id",
    hint: "Name one of your jobs as job_id: list_jobs shows them.",
  });
}

function assertSettings(input: ParsedInput<"add_rule">): void {
  const { event } = input;
  const known = settingsOf[event] ?? [];
  for (const field of ["threshold", "seconds", "times"] as const) {
    if (input[field] === undefined || known.includes(field)) continue;
    const of = field === "threshold" ? "on_alert" : "on_overrun";
    throw new SchedulerError("invalid_input", `"${field}" has no meaning for ${event}.`, {
      field,
      hint: `Leave it out, or let the event be ${of}.`,
    });
  }
  if (event !== "on_overrun" || input.seconds !== undefined || input.times !== undefined) return;
  throw new SchedulerError("invalid_input", "on_overrun needs to know how long is too long.", {
    field: "seconds",
    hint: 'Give {"seconds": 30}, or {"times": 3} for three times the usual duration.',
  });
}
