import { describe, expect, it } from "vitest";
import { nextRun } from "./next-run.ts";

/**
 * The proof of the clock-change rules: for every zone of the runtime and every change from 2020 to 2035, `nextRun`
 * is compared with an oracle that only knows Intl's local times and walks through them minute by minute.
 */
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const begin = Date.UTC(2020, 0, 1);
const end = Date.UTC(2036, 0, 1);
const step = 2 * day;
const reach = 14 * hour;

interface Local {
  minute: number;
  hour: number;
  day: number;
  month: number;
  weekday: number;
}

interface Expression {
  cron: string;
  rule: "fixed" | "passing";
  matches(local: Local): boolean;
}

interface Change {
  zone: string;
  at: number;
  before: number;
  after: number;
}

interface Walk {
  /** Every real minute of the window with what the wall shows. */
  shown: { instant: number; local: Local }[];
  /** Every local minute of the window, also those that the wall never shows, with the instant that stands for it. */
  written: { instant: number; local: Local }[];
}

const fixed = (cron: string, matches: Expression["matches"]): Expression => ({
  cron,
  rule: "fixed",
  matches,
});
const passing = (cron: string, matches: Expression["matches"]): Expression => ({
  cron,
  rule: "passing",
  matches,
});

const expressions: Expression[] = [
  fixed("0 0 * * *", (at) => at.hour === 0 && at.minute === 0),
  fixed("30 0 * * *", (at) => at.hour === 0 && at.minute === 30),
  fixed("15 1 * * *", (at) => at.hour === 1 && at.minute === 15),
  fixed("30 2 * * *", (at) => at.hour === 2 && at.minute === 30),
  fixed("0 3 * * *", (at) => at.hour === 3 && at.minute === 0),
  fixed("45 23 * * *", (at) => at.hour === 23 && at.minute === 45),
  fixed("0 12 * * *", (at) => at.hour === 12 && at.minute === 0),
  fixed("*/15 2 * * *", (at) => at.hour === 2 && at.minute % 15 === 0),
  fixed("*/20 0-4 * * *", (at) => at.hour <= 4 && at.minute % 20 === 0),
  fixed(
    "10 */3,1,2 * * *",
    (at) => (at.hour % 3 === 0 || at.hour === 1 || at.hour === 2) && at.minute === 10,
  ),
  fixed("30 2 * * SUN", (at) => at.weekday === 0 && at.hour === 2 && at.minute === 30),
  fixed("5 0 * * 1-6", (at) => at.weekday >= 1 && at.hour === 0 && at.minute === 5),
  fixed("30 1 25-31 * *", (at) => at.day >= 25 && at.hour === 1 && at.minute === 30),
  fixed("0 2 1-7 * 0", (at) => (at.day <= 7 || at.weekday === 0) && at.hour === 2 && at.minute === 0),
  fixed("*/15 0-5 * * *", (at) => at.hour <= 5 && at.minute % 15 === 0),
  fixed("20 0-22 * * *", (at) => at.hour <= 22 && at.minute === 20),
  passing("* * * * *", () => true),
  // However all 24 are written.
  passing("0,30 0-23 * * *", (at) => at.minute % 30 === 0),
  passing("0 */1 * * *", (at) => at.minute === 0),
  passing("50 0-11,12-23 * * *", (at) => at.minute === 50),
  passing("5 */2,1-23/2 * * *", (at) => at.minute === 5),
  passing(
    `40 ${Array.from({ length: 24 }, (_, hour) => 23 - hour).join(",")} * * *`,
    (at) => at.minute === 40,
  ),
  passing("*/15 * * * *", (at) => at.minute % 15 === 0),
  passing("30 * * * *", (at) => at.minute === 30),
  fixed("0 */2 * * *", (at) => at.hour % 2 === 0 && at.minute === 0),
  fixed("7,37 */3 * * *", (at) => at.hour % 3 === 0 && (at.minute === 7 || at.minute === 37)),
  passing("0 * * * 0,6", (at) => (at.weekday === 0 || at.weekday === 6) && at.minute === 0),
  fixed(
    "*/10 */12 * 3,4,9-11 *",
    (at) => at.hour % 12 === 0 && at.minute % 10 === 0 && [3, 4, 9, 10, 11].includes(at.month),
  ),
];

/** Daily expressions at, beside and in the middle of what the change skips or repeats. */
function aimedAt({ at, before, after }: Change): Expression[] {
  const [low, high] = [Math.min(before, after), Math.max(before, after)];
  const middle = Math.floor((low + high) / 2 / minute) * minute;
  return [low - minute, low, middle, high - minute, high].map((offset) => {
    const { hour: hourAt, minute: minuteAt } = localFields(at + offset);
    return fixed(
      `${minuteAt} ${hourAt} * * *`,
      (local) => local.hour === hourAt && local.minute === minuteAt,
    );
  });
}

function localReader(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  return (instant) => {
    const text = format.format(instant);
    const part = (from: number, to: number) => Number(text.slice(from, to));
    return Date.UTC(part(6, 10), part(0, 2) - 1, part(3, 5), part(12, 14), part(15, 17), part(18, 20));
  };
}

function localFields(local: number): Local {
  const date = new Date(local);
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
  };
}

function changesOf(zone: string): Change[] {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    timeZoneName: "longOffset",
    hour: "2-digit",
  });
  const offsetName = (instant: number) => format.format(instant).slice("12 AM ".length);
  const read = localReader(zone);
  const changes: Change[] = [];
  let earlier = offsetName(begin);
  for (let instant = begin; instant < end; instant += step) {
    const later = offsetName(instant + step);
    if (earlier !== later) {
      let [same, changed] = [instant / minute, (instant + step) / minute];
      while (changed - same > 1) {
        const middle = Math.floor((same + changed) / 2);
        if (offsetName(middle * minute) === earlier) same = middle;
        else changed = middle;
      }
      const at = changed * minute;
      changes.push({ zone, at, before: read(at - minute) - (at - minute), after: read(at) - at });
    }
    earlier = later;
  }
  return changes;
}

function walk({ zone, at, before, after }: Change): Walk {
  const read = localReader(zone);
  const shown: Walk["shown"] = [];
  const firstInstant = new Map<number, number>();
  for (let instant = at - reach; instant <= at + reach; instant += minute) {
    const local = read(instant);
    shown.push({ instant, local: localFields(local) });
    if (!firstInstant.has(local)) firstInstant.set(local, instant);
  }
  const written: Walk["written"] = [];
  for (let local = at - reach + before; local <= at + reach + after; local += minute) {
    written.push({ instant: firstInstant.get(local) ?? local - before, local: localFields(local) });
  }
  return { shown, written };
}

function expectedSlots({ rule, matches }: Expression, { shown, written }: Walk): number[] {
  const minutes = rule === "passing" ? shown : written;
  const slots = minutes.filter(({ local }) => matches(local)).map(({ instant }) => instant);
  return [...new Set(slots)].sort((a, b) => a - b);
}

function actualSlots(cron: string, { zone, at }: Change): number[] {
  const slots: number[] = [];
  let slot = nextRun({ kind: "cron", cron, timezone: zone }, at - reach - 1);
  while (slot !== null && slot <= at + reach && slots.length <= 10_000) {
    slots.push(slot);
    slot = nextRun({ kind: "cron", cron, timezone: zone }, slot);
  }
  return slots;
}

function sameNumbers(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

function show(instants: number[]): string {
  return instants.map((instant) => new Date(instant).toISOString().slice(0, 16)).join(" ");
}

const allChanges = Intl.supportedValuesOf("timeZone").map(changesOf);
const byHistory = new Map(
  allChanges.map((changes) => [
    changes.map(({ at, before, after }) => `${at} ${before} ${after}`).join(),
    changes,
  ]),
);
const changes = [...byHistory.values()].flat();

describe("every clock change of every zone, 2020 to 2035", () => {
  it("is looked at, the awkward zones included", () => {
    const changing = new Set(allChanges.flat().map(({ zone }) => zone));
    const awkward = [
      "Africa/Casablanca",
      "America/Havana",
      "America/Nuuk",
      "America/Santiago",
      "Antarctica/Troll",
      "Asia/Beirut",
      "Atlantic/Azores",
      "Australia/Lord_Howe",
      "Pacific/Chatham",
    ];
    expect(awkward.filter((zone) => !changing.has(zone) && zone !== "America/Nuuk")).toEqual([]);
    expect(changing.has("America/Nuuk") || changing.has("America/Godthab")).toBe(true);
    expect(changes.length).toBeGreaterThan(1_000);
    const distances = new Set(changes.map(({ before, after }) => Math.abs(after - before) / minute));
    expect([...distances]).toEqual(expect.arrayContaining([30, 60, 120]));
  });

  it("gives the slots that a minute-by-minute walk gives", { timeout: 120_000 }, () => {
    const expectedByChange = new Map<string, { expression: Expression; slots: number[] }[]>();
    const wrong: string[] = [];
    for (const change of changes) {
      const key = `${change.at} ${change.before} ${change.after}`;
      let expected = expectedByChange.get(key);
      if (expected === undefined) {
        const walked = walk(change);
        expected = [...expressions, ...aimedAt(change)].map((expression) => ({
          expression,
          slots: expectedSlots(expression, walked),
        }));
        expectedByChange.set(key, expected);
      }
      for (const { expression, slots } of expected) {
        const actual = actualSlots(expression.cron, change);
        if (sameNumbers(actual, slots)) continue;
        wrong.push(
          `${change.zone} ${show([change.at])} "${expression.cron}": ${show(actual)}, not ${show(slots)}`,
        );
      }
    }
    expect(wrong.slice(0, 5).map((line) => line.slice(0, 500))).toEqual([]);
  });
});
