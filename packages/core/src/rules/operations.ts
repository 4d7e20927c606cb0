import { type ParsedInput, type Rule, SchedulerError } from "@org/scheduler-contract";
import { describeCaller } from "../access/caller.ts";
import { requireChannel } from "../channels/require.ts";
import type { Db } from "../database/tables.ts";
import { fromPublicId, newId, noSuch, toPublicId } from "../ids.ts";
import { lockJobFor, requireJob } from "../jobs/require.ts";
import type { Handlers, ReadContext, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { addQueues } from "../queues/queues.sql.ts";
import { settingsOf, toRule } from "./rule.ts";
import { countBeside, deleteRule, findSame, insertRule, listRules, noteRules } from "./rules.sql.ts";

/** Of one job, of one queue, or of all: each end looks at them. */
const maxRules = 50;

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
  const rows = await listRules(db, caller.scopeId, { job, before, limit });
  return toPage(rows, { limit, prefix: "rule", view: toRule });
}

/** Adding the same again changes nothing. */
async function add(context: WriteContext, input: ParsedInput<"add_rule">): Promise<Rule> {
  const { tx, caller, now } = context;
  const { job_id, queue = null, channel_id, event } = input;
  assertOne(input);
  assertSettings(input);
  const job = job_id === undefined ? undefined : await lockJobFor(tx, caller, job_id);
  if (queue !== null) await addQueues(context, [queue]);
  const channel = await requireChannel(tx, caller.scopeId, channel_id);
  const said = {
    scope_id: caller.scopeId,
    channel_id: channel.id,
    job_id: job?.id ?? null,
    queue,
    event,
    threshold: input.threshold ?? null,
    seconds: input.seconds ?? null,
    times: input.times ?? null,
  };
  const [same] = (await findSame(tx, said)).rows;
  if (same) return toRule(same);
  if ((await countBeside(tx, said)) >= maxRules) throw tooMany();
  const row = { ...said, id: newId(now), created_by: describeCaller(caller), created_at: now };
  await insertRule(tx, row);
  await noteRules(tx, caller.scopeId);
  return toRule({ ...row, channel_name: channel.name });
}

async function remove({ tx, caller }: WriteContext, { rule_id, job_id }: ParsedInput<"remove_rule">) {
  const id = fromPublicId("rule", rule_id);
  const job = job_id === undefined ? undefined : await requireJob(tx, caller, job_id);
  const of = { id: id ?? "", jobId: job?.id };
  if (id === undefined || !(await deleteRule(tx, caller.scopeId, of)))
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

function tooMany(): SchedulerError {
  return new SchedulerError("conflict", `There are ${maxRules} rules for the same already.`, {
    hint: "Remove some first: list_rules, remove_rule.",
  });
}
