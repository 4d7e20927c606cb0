import { boundedCache } from "./cache.ts";
import { DAY, MINUTE } from "./calendar.ts";
import { parseCron } from "./cron.ts";
import { nextRuns, type Schedule } from "./next-run.ts";

/** Enough to meet all days that can follow each other. */
const sampled = 1000;

/**
 * Whether the slots of a schedule keep a distance from each other, in ms. The nights on which clocks are put forward, which
 * bring slots an hour nearer, do not count.
 */
export function keepsDistance(schedule: Schedule, leastMs: number, from: number): boolean {
  switch (schedule.kind) {
    case "one_time":
    case "scheduled":
      return true;
    case "recurring":
      return schedule.everyMinutes * MINUTE >= leastMs;
    case "cron": {
      const { withinDay, overMidnight } = gapsOf(schedule.cron);
      if (withinDay < leastMs || overMidnight >= leastMs) return withinDay >= leastMs;
      // Whether midnight is ever between two slots is a matter of their days.
      const { cron } = schedule;
      const runs = nextRuns({ kind: "cron", cron, timezone: "UTC" }, from, sampled);
      return runs.slice(1).every((run, index) => run - runs[index]! >= leastMs);
    }
  }
}

const known = boundedCache<string, Gaps>(1000);

interface Gaps {
  withinDay: number;
  overMidnight: number;
}

/** The shortest time between two slots of a day, and from the last of a day to the first of the next. */
function gapsOf(cron: string): Gaps {
  return known.get(cron) ?? known.set(cron, readGaps(cron));
}

function readGaps(cron: string): Gaps {
  const { hours, minutes } = parseCron(cron);
  const times = hours.flatMap((hour) => minutes.map((minute) => (hour * 60 + minute) * MINUTE));
  const gaps = times.slice(1).map((time, index) => time - times[index]!);
  return { withinDay: Math.min(Infinity, ...gaps), overMidnight: times[0]! + DAY - times.at(-1)! };
}
