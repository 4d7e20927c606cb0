import { isDeepStrictEqual } from "node:util";
import type { ParsedInput } from "@org/scheduler-contract";
import { defaultQueue } from "../queues/queue.ts";
import { requestFields } from "./change.ts";
import type { JobRow } from "./jobs.sql.ts";
import { readPolicies } from "./policies.ts";
import { type Changes, isSameTiming } from "./reschedule.ts";
import { newRevision } from "./revision.ts";
import { toDate } from "./schedule.ts";
import { assertKind, readTiming, saysWhen } from "./timing.ts";

/** A job as its caller wants it to be. */
export type Declaration = ParsedInput<"create_jobs">["jobs"][number];

/** What a declaration says about when, as it says it: "in 2h" is the same tomorrow, what it means is not. */
export function declaredTiming(input: Declaration): Record<string, string | number> {
  const { when, cron, every_n_minutes, run_at, timezone } = input;
  const said = {
    when,
    cron,
    every_n_minutes,
    run_at,
    delay_seconds: input.delay_seconds || undefined,
    timezone: when === undefined ? undefined : timezone,
  };
  return Object.fromEntries(Object.entries(said).filter((entry) => entry[1] !== undefined)) as Record<
    string,
    string | number
  >;
}

/**
 * What must change in a job for it to be as declared; empty where it is. Fields that the declaration leaves out go back
 * to their defaults. Throws as `create_job` does.
 */
export function changesTo(job: JobRow, input: Declaration, now: Date): Changes {
  const changes: Changes = { ...changesInTiming(job, input, now), ...changesInRequest(job, input, now) };
  const set = <Name extends keyof Changes>(name: Name, differs: boolean, to: Changes[Name]) => {
    if (differs) changes[name] = to;
  };
  const policies = readPolicies(input);
  for (const name of Object.keys(policies) as (keyof typeof policies)[])
    set(name, policies[name] !== job[name], input[name] ?? null);
  set("name", input.name !== job.name, input.name);
  set("description", (input.description ?? null) !== job.description, input.description ?? null);
  set("queue", (input.queue ?? defaultQueue) !== job.queue, input.queue ?? null);
  set("metadata", !isDeepStrictEqual(input.metadata ?? {}, job.metadata), input.metadata ?? null);
  set("timezone", input.timezone !== job.timezone, input.timezone);
  set("max_runs", (input.max_runs ?? null) !== job.max_runs, input.max_runs ?? null);
  for (const name of ["start_at", "end_at"] as const)
    set(name, toDate(input[name])?.getTime() !== job[name]?.getTime(), input[name] ?? null);
  return changes;
}

function changesInTiming(job: JobRow, input: Declaration, now: Date): Changes {
  if (isDeepStrictEqual(declaredTiming(input), job.declared)) {
    assertKind(input, job.kind);
    return {};
  }
  if (isSameTiming(readTiming(input, input.timezone, now), job)) return {};
  // Saying nothing means now; as a change it would mean to leave the timing as it is.
  if (!saysWhen(input)) return { delay_seconds: 0 };
  const { when, cron, every_n_minutes, run_at, delay_seconds } = input;
  return { when, cron, every_n_minutes, run_at, delay_seconds };
}

const plain = [
  "method",
  "url",
  "body",
  "timeout_seconds",
  "inherits_timeout",
  "inherits_retry",
  "follow_redirects",
  "callback_url",
] as const;
const asJson = ["headers", "success_statuses", "assertions", "retry"] as const;

function changesInRequest(job: JobRow, input: Declaration, now: Date): Changes {
  const made = newRevision({ scopeId: job.scope_id, jobId: job.id, now }, input);
  const isSame =
    plain.every((name) => made[name] === job[name]) &&
    asJson.every((name) => isDeepStrictEqual(JSON.parse(made[name] ?? "null"), job[name]));
  return isSame ? {} : Object.fromEntries(requestFields.map((name) => [name, input[name] ?? null]));
}
