import { type Rule, type RuleEvent, SchedulerError } from "@org/scheduler-contract";
import { type Caller, describeCaller } from "../access/caller.ts";
import { seeing } from "../access/made-by.ts";
import { requireChannel } from "../channels/require.ts";
import type { Tx } from "../database/tables.ts";
import { newId } from "../ids.ts";
import { toRule } from "./rule.ts";
import { countBeside, findSame, insertRule, noteRules } from "./rules.sql.ts";

/** Of one job, of one queue, or of all: each end looks at them. */
const maxRules = 50;

/** What a rule is to say. */
interface Said {
  /** As its caller gave it. */
  channel_id: string;
  /** The field that this came in. */
  field?: string;
  event: RuleEvent;
  /** The key of the job. */
  job_id: string | null;
  queue: string | null;
  threshold?: number | undefined;
  seconds?: number | undefined;
  times?: number | undefined;
}

/** Adds a rule; one that says the same is there already is that one. Throws `not_found`, `conflict`. */
export async function addRule(
  { tx, caller, now }: { tx: Tx; caller: Caller; now: Date },
  { channel_id, field, threshold, seconds, times, ...of }: Said,
): Promise<Rule> {
  const channel = await requireChannel(tx, seeing(caller), channel_id, field);
  const said = {
    scope_id: caller.scopeId,
    channel_id: channel.id,
    job_id: of.job_id,
    queue: of.queue,
    event: of.event,
    threshold: threshold ?? null,
    seconds: seconds ?? null,
    times: times ?? null,
  };
  const [same] = (await findSame(tx, said)).rows;
  if (same) return toRule(same);
  if ((await countBeside(tx, said)) >= maxRules) throw tooMany();
  const row = { ...said, id: newId(now), created_by: describeCaller(caller), created_at: now };
  await insertRule(tx, row);
  await noteRules(tx, caller.scopeId);
  return toRule({ ...row, channel_name: channel.name });
}

/** Lets a channel be told when a job is alerted, and when it works again. */
export async function addAlertRules(
  context: { tx: Tx; caller: Caller; now: Date },
  jobId: string,
  channelId: string,
): Promise<void> {
  for (const event of ["on_alert", "on_recovery"] as const)
    await addRule(context, {
      channel_id: channelId,
      field: "alert_channel_id",
      event,
      job_id: jobId,
      queue: null,
    });
}

function tooMany(): SchedulerError {
  return new SchedulerError("conflict", `There are ${maxRules} rules for the same already.`, {
    hint: "Remove some first: list_rules, remove_rule.",
  });
}
