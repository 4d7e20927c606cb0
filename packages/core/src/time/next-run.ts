import { DAY, MINUTE } from "./calendar.ts";
import type { Cron } from "./cron.ts";
import { nextMatch } from "./cron-match.ts";
import { parseCron } from "./cron.ts";
import type { OffsetPeriod } from "./zone.ts";
import { offsetPeriodAt } from "./zone.ts";

/** Slots outside `startAt`…`endAt` (epoch ms, both inclusive) do not exist. */
interface Bounds {
  startAt?: number | null;
  endAt?: number | null;
  /** How much later than the clock says each slot is, in ms; `startAt` is about the time before it is added. */
  jitterMs?: number;
}

/** When a job is due; instants in epoch ms. */
export type Schedule = (
  | { kind: "one_time" | "scheduled"; runAt: number }
  | { kind: "cron"; cron: string; timezone: string }
  /** At `anchor` and every so many minutes after it. */
  | { kind: "recurring"; everyMinutes: number; anchor: number }
) &
  Bounds;

type Interval = Extract<Schedule, { kind: "recurring" }>;

const horizon = 40 * 366 * DAY;
const earliest = Date.UTC(1800, 0, 1);
const latest = Date.UTC(9900, 0, 1);
/** The last instant that is written with four digits of the year; no slot lies beyond. */
const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * The first slot strictly after `after` (epoch ms), or null when there is none, for cron within 40 years. Throws only for a
 * cron or zone that cannot be read.
 */
export function nextRun(schedule: Schedule, after: number): number | null {
  const startAt = schedule.startAt ?? -Infinity;
  const endAt = Math.min(schedule.endAt ?? Infinity, lastInstant);
  const jitter = schedule.jitterMs ?? 0;
  if (after >= endAt) return null;
  const plain = slotAfter(schedule, after - jitter, startAt);
  if (plain === null || plain < startAt) return null;
  const slot = plain + jitter;
  return slot > after && slot <= endAt ? slot : null;
}

/** The first `count` slots after `after`; fewer when there are no more. */
export function nextRuns(schedule: Schedule, after: number, count: number): number[] {
  const slots: number[] = [];
  let slot = nextRun(schedule, after);
  while (slot !== null && slots.length < count) {
    slots.push(slot);
    slot = nextRun(schedule, slot);
  }
  return slots;
}

function slotAfter(schedule: Schedule, after: number, startAt: number): number | null {
  switch (schedule.kind) {
    case "one_time":
    case "scheduled":
      return schedule.runAt;
    case "recurring":
      return intervalAfter(schedule, Math.max(after, startAt - 1));
    case "cron":
      return nextCronSlot(parseCron(schedule.cron), schedule.timezone, Math.max(after, startAt - 1));
  }
}

/** Counted from the anchor, whoever asks and since when: a pause or a restart moves no slot. */
function intervalAfter({ everyMinutes, anchor }: Interval, after: number): number {
  const interval = everyMinutes * MINUTE;
  return after < anchor ? anchor : anchor + (Math.floor((after - anchor) / interval) + 1) * interval;
}

function nextCronSlot(cron: Cron, zone: string, after: number): number | null {
  if (!(after < latest)) return null;
  let from = Math.max(Math.floor(after) + 1, earliest);
  const last = from + horizon;
  while (from < last) {
    const period = offsetPeriodAt(zone, from);
    const slot = cron.followsWall ? passingSlot(cron, period, from) : fixedSlot(cron, period, from);
    if (slot < period.until) return slot;
    from = period.until;
  }
  return null;
}

function passingSlot(cron: Cron, { offset }: OffsetPeriod, from: number): number {
  return nextMatch(cron, from + offset) - offset;
}

function fixedSlot(cron: Cron, { since, before, offset }: OffsetPeriod, from: number): number {
  // Clocks that went back show the time up to since + before a second time: those slots have been.
  const shown = nextMatch(cron, Math.max(from + offset, since + before)) - offset;
  const gapEnd = since + offset;
  if (from + before >= gapEnd) return shown;
  const skipped = nextMatch(cron, from + before);
  return skipped < gapEnd ? Math.min(shown, skipped - before) : shown;
}
