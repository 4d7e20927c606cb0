import { CronExpressionParser } from "cron-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SchedulerError } from "@org/scheduler-contract";
import { fromDayNumber, toDayNumber, weekdayOf } from "./calendar.ts";
import { slotsBetween } from "./catch-up.ts";
import { parseCron } from "./cron.ts";
import { nextRun, nextRuns, type Schedule } from "./next-run.ts";
import { previewSchedule } from "./preview.ts";
import { defaultRetry, retryDelayMs } from "./retry.ts";
import { parseWhen } from "./when.ts";
import { formatLocal, offsetAt, toInstant, wallClock } from "./zone.ts";

const day = 86_400_000;
const instants = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2060, 0, 1) });
const zones = fc.constantFrom(...Intl.supportedValuesOf("timeZone"));

function field(min: number, max: number): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: max - min + 1 });
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant("*") },
    { weight: 3, arbitrary: value.map(String) },
    fc.uniqueArray(value, { minLength: 2, maxLength: 5 }).map((values) => values.join(",")),
    range,
    fc.tuple(fc.oneof(fc.constant("*"), range, value.map(String)), step).map(([base, by]) => `${base}/${by}`),
  );
}

const daysAndMonths = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(field(1, 28), field(1, 12)) },
  fc.tuple(
    fc.constantFrom("29", "30", "31", "28-31", "*/30"),
    fc.constantFrom("*", "1,2", "2,4,12", "*/2", "3-11/4"),
  ),
  fc.constant(["29", "2"] as const),
);
const crons = fc
  .tuple(field(0, 59), field(0, 23), daysAndMonths, field(0, 6))
  .map(([minutes, hours, [days, months], weekdays]) => [minutes, hours, days, months, weekdays].join(" "));

const cronSchedules = fc.record({ kind: fc.constant("cron" as const), cron: crons, timezone: zones });
const bounds = fc.record({
  startAt: fc.option(instants, { freq: 2 }),
  endAt: fc.option(instants, { freq: 2 }),
  jitterMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: day })),
});
const schedules: fc.Arbitrary<Schedule> = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: cronSchedules },
      fc.record({
        kind: fc.constant("recurring" as const),
        everyMinutes: fc.integer({ min: 1, max: 525_600 }),
        anchor: instants,
      }),
      fc.record({ kind: fc.constant("scheduled" as const), runAt: instants }),
    ),
    bounds,
  )
  .map(([schedule, limits]) => ({ ...schedule, ...limits }));

describe("the calendar", () => {
  it("agrees with Date on every day of six thousand years", () => {
    const days = fc.integer({ min: -1_000_000, max: 1_200_000 });
    fc.assert(
      fc.property(days, (dayNumber) => {
        const date = new Date(dayNumber * day);
        const expected = {
          year: date.getUTCFullYear(),
          month: date.getUTCMonth() + 1,
          day: date.getUTCDate(),
        };
        expect(fromDayNumber(dayNumber)).toEqual(expected);
        expect(toDayNumber(expected)).toBe(dayNumber);
        expect(weekdayOf(dayNumber)).toBe(date.getUTCDay());
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("zones", () => {
  it("read a shown time back as the first instant that shows it", () => {
    fc.assert(
      fc.property(zones, instants, (zone, instant) => {
        const first = toInstant(zone, wallClock(zone, instant));
        expect(wallClock(zone, first)).toEqual(wallClock(zone, instant));
        expect(first).toBeLessThanOrEqual(instant);
        expect(Date.parse(formatLocal(zone, instant))).toBe(instant);
      }),
      { numRuns: 500 },
    );
  });

  it("agree with Intl, also near changes", () => {
    fc.assert(
      fc.property(zones, instants, (zone, instant) => {
        const text = new Intl.DateTimeFormat("en-US", {
          timeZone: zone,
          dateStyle: "short",
          timeStyle: "medium",
        });
        const shown = new Date(instant + offsetAt(zone, instant));
        const utc = new Intl.DateTimeFormat("en-US", {
          timeZone: "UTC",
          dateStyle: "short",
          timeStyle: "medium",
        });
        expect(text.format(instant)).toBe(utc.format(shown));
      }),
      { numRuns: 500 },
    );
  });
});

describe("cron", () => {
  it("is read and continued in UTC as cron-parser does", () => {
    fc.assert(
      fc.property(crons, instants, (cron, after) => {
        // To cron-parser a day of "*/1" is restricted, so that it would not leave the choice to the other day field.
        const same = cron.replace(/\*\/1(?= |$)/g, "*");
        const peer = CronExpressionParser.parse(same, { tz: "UTC", currentDate: new Date(after) });
        const expected = [peer.next().getTime(), peer.next().getTime(), peer.next().getTime()];
        expect(nextRuns({ kind: "cron", cron, timezone: "UTC" }, after, 3)).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  it("reads a list in which items overlap as the union of their values, each once", () => {
    const items = fc.array(
      fc.tuple(
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 1, max: 8 }),
      ),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(items, (written) => {
        const ranges = written.map(([a, b, step]) => ({ from: Math.min(a, b), to: Math.max(a, b), step }));
        const list = ranges.map(({ from, to, step }) => `${from}-${to}/${step}`).join(",");
        const values = [0, 1, 2, 3, 4, 5, 6, 7].filter((value) =>
          ranges.some(({ from, to, step }) => value >= from && value <= to && (value - from) % step === 0),
        );
        const read = parseCron(`${list} ${list} * * ${list}`);
        expect([read.minutes, read.hours]).toEqual([values, values]);
        expect(new Set(read.daysOfWeek)).toEqual(new Set(values.map((value) => value % 7)));
      }),
      { numRuns: 500 },
    );
  });

  it("is refused as a SchedulerError or not at all", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.stringMatching(/^[-*/,@0-9LW#?A-Z ]{0,60}$/),
      crons,
    );
    fc.assert(
      fc.property(text, (written) => {
        const read = attempt(() => parseCron(written));
        if (read === undefined) return;
        expect(nextRun({ kind: "cron", cron: written, timezone: "UTC" }, 0)).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("nextRun", () => {
  it("is after the instant and within the bounds, and goes on later", () => {
    fc.assert(
      fc.property(schedules, instants, (schedule, after) => {
        const slot = nextRun(schedule, after);
        if (slot === null) return;
        expect(slot).toBeGreaterThan(after);
        expect(slot).toBeGreaterThanOrEqual(schedule.startAt ?? -Infinity);
        expect(slot).toBeLessThanOrEqual(schedule.endAt ?? Infinity);
        expect(nextRun(schedule, slot) ?? Infinity).toBeGreaterThan(slot);
      }),
      { numRuns: 2_000 },
    );
  });

  it("depends on nothing but the slots: asked from anywhere before one, it answers that one", () => {
    fc.assert(
      fc.property(cronSchedules, instants, fc.nat(1_000), (schedule, after, part) => {
        const slot = nextRun(schedule, after);
        if (slot === null) throw new Error("a cron always has a next slot");
        const between = after + Math.floor(((slot - 1 - after) * part) / 1_000);
        expect(nextRun(schedule, between)).toBe(slot);
        expect(nextRun(schedule, slot - 1)).toBe(slot);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is what previews show", () => {
    fc.assert(
      fc.property(
        schedules,
        zones,
        instants,
        fc.integer({ min: 1, max: 20 }),
        (schedule, timezone, from, count) => {
          const shown = previewSchedule(schedule, { from, count, timezone });
          const fired: number[] = [];
          let slot = nextRun(schedule, schedule.kind === "scheduled" ? from - 1 : from);
          while (slot !== null && fired.length < count) {
            fired.push(slot);
            slot = nextRun(schedule, slot);
          }
          expect(shown.next_runs.map((run) => Date.parse(run))).toEqual(fired);
          expect(shown.local_runs.map((run) => Date.parse(run))).toEqual(fired);
          expect(fired.length > 0 || shown.notes.length > 0).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("slotsBetween", () => {
  it("gives the tail of all the slots, and their number", () => {
    const lengths = fc.integer({ min: 0, max: 60 * day });
    fc.assert(
      fc.property(
        schedules,
        instants,
        lengths,
        fc.integer({ min: 0, max: 50 }),
        (schedule, after, length, max) => {
          const until = after + length;
          const endAt = Math.min(until, schedule.endAt ?? Infinity);
          const all = nextRuns({ ...schedule, endAt }, after, 10_001);
          const found = slotsBetween(schedule, after, until, max);
          expect(found.more).toBe(schedule.kind === "cron" && all.length > 10_000);
          if (all.length > 10_000) return;
          expect(found.slots).toEqual(max === 0 ? [] : all.slice(-max));
          expect(found.total).toBe(all.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("parseWhen", () => {
  it("answers something to come or a SchedulerError, whatever it is given", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.stringMatching(/^(?:in )?[-0-9.]{0,12} ?[smhdwPT]{0,3}[0-9TZ:+ -]{0,20}$/),
      fc.stringMatching(
        /^20[2-3][0-9]-[0-1][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9](?::00)?(?:Z|[+-]0[0-9]:00)?$/,
      ),
    );
    fc.assert(
      fc.property(text, zones, instants, (written, timezone, now) => {
        const when = attempt(() => parseWhen(written, { now, timezone }));
        if (when?.kind === "scheduled") expect(when.runAt).toBeGreaterThan(now);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("retryDelayMs", () => {
  it("is a whole number of ms, never more than the cap", () => {
    const policies = fc.record({
      ...Object.fromEntries(Object.entries(defaultRetry).map(([key, value]) => [key, fc.constant(value)])),
      strategy: fc.constantFrom("exponential", "fixed", "list"),
      base_seconds: fc.double({ min: 0, max: 86_400, noNaN: true }),
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      max_seconds: fc.double({ min: 0, max: 604_800, noNaN: true }),
      delays_seconds: fc.array(fc.double({ min: 0, max: 604_800, noNaN: true }), { maxLength: 5 }),
      jitter: fc.boolean(),
    }) as unknown as fc.Arbitrary<typeof defaultRetry>;
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 2_000 }), random, (policy, failed, chance) => {
        const delay = retryDelayMs(policy, failed, chance);
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(policy.max_seconds * 1_000 + 0.5);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The answer, or undefined for a SchedulerError with a hint; any other error fails the test. */
function attempt<Answer>(read: () => Answer): Answer | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SchedulerError)) throw error;
    expect(error.code).toBe("invalid_schedule");
    expect(error.hint.length).toBeGreaterThan(10);
    return undefined;
  }
}
