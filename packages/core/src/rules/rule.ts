import type { Rule, RuleEvent } from "@org/scheduler-contract";
import type { Gathered } from "../database/tables.ts";
import { toPublicId } from "../ids.ts";
import type { ListedRule } from "./rules.sql.ts";

/** Which settings an event has. */
export const settingsOf: Partial<Record<RuleEvent, ("threshold" | "seconds" | "times")[]>> = {
  on_alert: ["threshold"],
  on_overrun: ["seconds", "times"],
};

/** A stored rule as callers see it. */
export function toRule(row: ListedRule): Rule {
  return {
    id: toPublicId("rule", row.id),
    channel_id: toPublicId("chan", row.channel_id),
    channel_name: row.channel_name,
    event: row.event,
    job_id: row.job_id === null ? null : toPublicId("job", row.job_id),
    queue: row.queue,
    threshold: row.threshold,
    seconds: row.seconds,
    times: row.times,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
  };
}

/** How many notifications were gathered. */
export function countOf(gathered: Gathered): number {
  return Object.values(gathered).reduce((sum, { count }) => sum + count, 0);
}
