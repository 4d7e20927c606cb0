import { SchedulerError, type JobKind } from "@org/scheduler-contract";
import { MINUTE } from "../time/calendar.ts";
import { parseCron } from "../time/cron.ts";
import { assertFuture, parseWhen } from "../time/when.ts";
import { assertTimeZone } from "../time/zone-name.ts";
import { isOneShot } from "./job.ts";

/** What a caller says about time: at most one of the first five. */
export interface TimingInput {
  when?: string | undefined;
  cron?: string | undefined;
  every_n_minutes?: number | undefined;
  run_at?: string | undefined;
  delay_seconds?: number | undefined;
  kind?: JobKind | undefined;
}

export interface Timing {
  kind: JobKind;
  cron: string | null;
  every_n_minutes: number | null;
  /** Of an interval, from where it counts: the first run, unless the job has a start. */
  run_at: Date | null;
}

const ways = ["when", "cron", "every_n_minutes", "run_at", "delay_seconds"] as const;

/** Whether anything in the input says when. */
export function saysWhen(input: TimingInput): boolean {
  return ways.some((way) => input[way] !== undefined);
}

/** What a declaration says about when, as it says it: "in 2h" is the same tomorrow, what it means is not. */
export function declaredTiming(input: TimingInput & { timezone: string }): Record<string, string | number> {
  const said = {
    ...Object.fromEntries(ways.map((way) => [way, input[way]])),
    delay_seconds: input.delay_seconds || undefined,
    timezone: input.when === undefined ? undefined : input.timezone,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)) as Record<
    string,
    string | number
  >;
}

/** Reads the timing of a job; with none, it is due now. Throws `invalid_schedule` naming the field and the fix. */
export function readTiming(input: TimingInput, timezone: string, now: Date): Timing {
  assertTimeZone(timezone);
  const given = ways.filter((way) => input[way] !== undefined);
  if (given.length > 1) {
    throw new SchedulerError("invalid_schedule", `${given.join(" and ")} both say when.`, {
      field: given[1]!,
      hint: `Keep one of them, for example only ${given[0]!}.`,
    });
  }
  const timing = timingOf(input, timezone, now);
  assertKind(input, timing.kind);
  return timing;
}

/** The timing that a job gets: an interval that it has already goes on from where it began. */
export function retime(job: Timing, timing: Timing): Timing {
  const isSame = timing.kind === "recurring" && timing.every_n_minutes === job.every_n_minutes;
  return isSame ? { ...timing, run_at: job.run_at } : timing;
}

/** Throws `invalid_schedule` where the kind that was asked for is not the one that the timing makes. */
export function assertKind(input: TimingInput, made: JobKind): void {
  const { kind } = input;
  if (kind === undefined || kind === made || sameShot(kind, made, saysWhen(input))) return;
  throw kindMismatch(kind, made);
}

function timingOf(input: TimingInput, timezone: string, now: Date): Timing {
  const none = { cron: null, every_n_minutes: null, run_at: null };
  if (input.cron !== undefined) {
    parseCron(input.cron);
    return { ...none, kind: "cron", cron: input.cron.trim() };
  }
  if (input.every_n_minutes !== undefined) {
    const { every_n_minutes } = input;
    const first = new Date(now.getTime() + every_n_minutes * MINUTE);
    return { ...none, kind: "recurring", every_n_minutes, run_at: first };
  }
  if (input.run_at !== undefined) {
    const runAt = Date.parse(input.run_at);
    assertFuture(runAt, now.getTime(), "run_at");
    return { ...none, kind: "scheduled", run_at: new Date(runAt) };
  }
  if (input.delay_seconds !== undefined && input.delay_seconds > 0) {
    return { ...none, kind: "scheduled", run_at: new Date(now.getTime() + input.delay_seconds * 1000) };
  }
  if (input.when !== undefined) {
    const when = parseWhen(input.when, { now: now.getTime(), timezone });
    if (when.kind === "cron") return { ...none, kind: "cron", cron: when.cron };
    return { ...none, kind: "scheduled", run_at: new Date(when.runAt) };
  }
  return { ...none, kind: "one_time", run_at: now };
}

/** `one_time` with an instant is the same wish as `scheduled`. */
function sameShot(asked: JobKind, read: JobKind, saysWhen: boolean): boolean {
  return saysWhen && isOneShot(asked) && isOneShot(read);
}

const neededBy: Record<JobKind, string> = {
  one_time: 'Leave the timing out, or give when as a time such as "in 2h".',
  scheduled: 'Give run_at, or when as a time such as "in 2h".',
  cron: 'Give cron, such as "0 9 * * *".',
  recurring: "Give every_n_minutes, such as 15.",
};

function kindMismatch(asked: JobKind, read: JobKind): SchedulerError {
  return new SchedulerError("invalid_schedule", `kind is ${asked}, but the timing makes it ${read}.`, {
    field: "kind",
    hint: `${neededBy[asked]} Or leave kind out: it follows from the timing.`,
  });
}
