import { MINUTE } from "./calendar.ts";
import { nextRun, nextRuns, type Schedule } from "./next-run.ts";

/** The slots of a stretch of time: the latest few, and how many there were in all. */
export interface MissedSlots {
  slots: number[];
  total: number;
  /** Counting stopped at `total`; there were more. */
  more: boolean;
}

interface Wanted {
  after: number;
  until: number;
  max: number;
}

const maxCounted = 10_000;

/**
 * The latest `max` slots in (`after`, `until`] (epoch ms), oldest first, and the total. Counts at most 10,000 slots of
 * a cron; a recurring schedule, whose slots count from `after`, is counted in full.
 */
export function slotsBetween(schedule: Schedule, after: number, until: number, max: number): MissedSlots {
  if (schedule.kind === "recurring") return recurringSlots(schedule, { after, until, max });
  let total = 0;
  let slot = nextRun(schedule, after);
  while (slot !== null && slot <= until && total < maxCounted) {
    total++;
    slot = nextRun(schedule, slot);
  }
  return { slots: latestSlots(schedule, { after, until, max }), total, more: slot !== null && slot <= until };
}

function recurringSlots(
  schedule: Schedule & { kind: "recurring" },
  { after, until, max }: Wanted,
): MissedSlots {
  const interval = schedule.everyMinutes * MINUTE;
  const first = nextRun(schedule, after);
  const last = Math.min(until, schedule.endAt ?? Infinity);
  if (first === null || first > last) return { slots: [], total: 0, more: false };
  const total = Math.floor((last - first) / interval) + 1;
  const shown = Math.min(total, Math.max(0, max));
  const slots = Array.from({ length: shown }, (_, index) => first + (total - shown + index) * interval);
  return { slots, total, more: false };
}

/** Halves the stretch until what is left can hold no more than `max` slots, so that work does not grow with its length. */
function latestSlots(schedule: Schedule, { after, until, max }: Wanted): number[] {
  if (max <= 0) return [];
  const first = nextRun(schedule, after);
  if (first === null || first > until) return [];
  if (until - first < max * MINUTE) {
    return nextRuns(schedule, after, max + 1)
      .filter((slot) => slot <= until)
      .slice(-max);
  }
  const middle = Math.floor((first + until) / 2);
  const late = latestSlots(schedule, { after: middle, until, max });
  const early = latestSlots(schedule, { after: first - 1, until: middle, max: max - late.length });
  return [...early, ...late];
}
