import { describe, expect, it } from "vitest";
import { nextRun, nextRuns, type Schedule } from "./next-run.ts";
import { formatLocal } from "./zone.ts";

const at = (text: string) => Date.parse(text);
const utc = (instants: number[]) => instants.map((instant) => new Date(instant).toISOString());

function localRuns(cron: string, timezone: string, after: string, count: number): string[] {
  return nextRuns({ kind: "cron", cron, timezone }, at(after), count).map((run) =>
    formatLocal(timezone, run),
  );
}

describe("a single run", () => {
  const schedule: Schedule = { kind: "scheduled", runAt: at("2026-07-01T09:00:00Z") };

  it("is due once, strictly after the instant asked for", () => {
    expect(nextRun(schedule, schedule.runAt - 1)).toBe(schedule.runAt);
    expect(nextRun(schedule, schedule.runAt)).toBeNull();
  });

  it("does not exist outside the bounds", () => {
    expect(nextRun({ ...schedule, endAt: schedule.runAt }, 0)).toBe(schedule.runAt);
    expect(nextRun({ ...schedule, endAt: schedule.runAt - 1 }, 0)).toBeNull();
    expect(nextRun({ ...schedule, startAt: schedule.runAt + 1 }, 0)).toBeNull();
  });
});

describe("the last instant that is written with four digits", () => {
  const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
  it.each<[string, Schedule]>([
    ["an interval", { kind: "recurring", everyMinutes: 60, anchor: last - 90 * 60_000 }],
    ["a cron", { kind: "cron", cron: "0 * * * *", timezone: "UTC", startAt: last - 90 * 60_000 }],
    ["a single run with jitter", { kind: "scheduled", runAt: last, jitterMs: 1000 }],
  ])("ends %s", (_, schedule) => {
    const runs = nextRuns(schedule, last - 100 * 60_000, 10);
    for (const run of runs) expect(run).toBeLessThanOrEqual(last);
    expect(nextRun(schedule, last)).toBeNull();
  });
});

describe("every N minutes", () => {
  const schedule: Schedule = { kind: "recurring", everyMinutes: 5, anchor: 1_234 };

  it("counts from its anchor, to the millisecond, whenever it is asked", () => {
    for (const [after, slot] of [
      [0, 1_234],
      [1_233, 1_234],
      [1_234, 301_234],
      [200_000, 301_234],
      [301_233, 301_234],
      [301_234, 601_234],
      [1_000_000_000, 1_000_201_234],
    ] as const)
      expect(nextRun(schedule, after)).toBe(slot);
  });

  it("ends at end_at, which is included, and keeps its anchor where it starts later", () => {
    expect(nextRuns({ ...schedule, endAt: 601_234 }, 0, 9)).toEqual([1_234, 301_234, 601_234]);
    expect(nextRun({ ...schedule, startAt: 2_000 }, 0)).toBe(301_234);
  });

  it("is as much later as its jitter, each time", () => {
    expect(nextRuns({ ...schedule, jitterMs: 7 }, 301_240, 2)).toEqual([301_241, 601_241]);
  });

  it("never answers a slot that is not later, whatever the interval", () => {
    expect(nextRun({ kind: "recurring", everyMinutes: 0, anchor: 0 }, 1_000)).toBeNull();
  });
});

describe("cron", () => {
  it("finds the next matching minute strictly after the instant, also between milliseconds", () => {
    const schedule: Schedule = { kind: "cron", cron: "*/15 9-10 * * *", timezone: "UTC" };
    const slot = at("2026-07-01T09:15:00Z");
    expect(nextRun(schedule, slot - 1)).toBe(slot);
    expect(nextRun(schedule, slot - 0.5)).toBe(slot);
    expect(nextRun(schedule, slot)).toBe(at("2026-07-01T09:30:00Z"));
    expect(nextRun(schedule, at("2026-07-01T10:45:00Z"))).toBe(at("2026-07-02T09:00:00Z"));
  });

  it("keeps to its bounds, both included", () => {
    const schedule: Schedule = { kind: "cron", cron: "0 9 * * *", timezone: "UTC" };
    const bounds = { startAt: at("2026-07-03T09:00:00Z"), endAt: at("2026-07-04T09:00:00Z") };
    expect(utc(nextRuns({ ...schedule, ...bounds }, at("2026-07-01T00:00:00Z"), 9))).toEqual([
      "2026-07-03T09:00:00.000Z",
      "2026-07-04T09:00:00.000Z",
    ]);
  });

  it("runs on the day of month or on the day of week when both are set", () => {
    expect(localRuns("0 9 13 * FRI", "UTC", "2026-02-07T00:00:00Z", 4)).toEqual([
      "2026-02-13T09:00:00+00:00",
      "2026-02-20T09:00:00+00:00",
      "2026-02-27T09:00:00+00:00",
      "2026-03-06T09:00:00+00:00",
    ]);
    expect(localRuns("0 9 13 * FRI", "UTC", "2026-04-10T12:00:00Z", 2)).toEqual([
      "2026-04-13T09:00:00+00:00",
      "2026-04-17T09:00:00+00:00",
    ]);
  });

  it("waits for leap days, over a century without one too", () => {
    expect(localRuns("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 2)).toEqual([
      "2104-02-29T00:00:00+00:00",
      "2108-02-29T00:00:00+00:00",
    ]);
  });

  it("finds a yearly slot from every day of the year before it", () => {
    const schedule: Schedule = { kind: "cron", cron: "0 0 1 3 *", timezone: "UTC" };
    const slot = at("2027-03-01T00:00:00Z");
    const days = Array.from({ length: 365 }, (_, index) => slot - (index + 1) * 86_400_000);
    expect(days.filter((after) => nextRun(schedule, after) !== slot)).toEqual([]);
  });

  it("skips the months that have no such day", () => {
    expect(localRuns("0 0 31 * *", "UTC", "2026-03-31T00:00:00Z", 3)).toEqual([
      "2026-05-31T00:00:00+00:00",
      "2026-07-31T00:00:00+00:00",
      "2026-08-31T00:00:00+00:00",
    ]);
  });

  it("answers null, and at once, where nothing can be computed", () => {
    const schedule: Schedule = { kind: "cron", cron: "0 9 * * *", timezone: "Europe/Berlin" };
    expect(nextRun(schedule, Number.NaN)).toBeNull();
    expect(nextRun(schedule, Infinity)).toBeNull();
    expect(nextRun(schedule, 8.64e15)).toBeNull();
    expect(nextRun(schedule, -Infinity)).not.toBeNull();
  });

  it("says which zone it cannot read", () => {
    const schedule: Schedule = { kind: "cron", cron: "0 9 * * *", timezone: "Europe/Berln" };
    expect(() => nextRun(schedule, 0)).toThrow(
      expect.objectContaining({ code: "invalid_schedule", field: "timezone" }),
    );
  });
});

describe("fixed hours on the night the clocks change", () => {
  it("runs a time that is skipped with the offset before, once", () => {
    expect(localRuns("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2)).toEqual([
      "2026-03-29T03:30:00+02:00",
      "2026-03-30T02:30:00+02:00",
    ]);
    expect(localRuns("30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2)).toEqual([
      "2026-03-29T03:30:00+02:00",
      "2026-03-30T02:30:00+02:00",
    ]);
  });

  it("keeps the order where a skipped time lands behind a later one", () => {
    expect(localRuns("0,45 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 3)).toEqual([
      "2026-03-29T03:00:00+02:00",
      "2026-03-29T03:45:00+02:00",
      "2026-03-30T02:00:00+02:00",
    ]);
    expect(localRuns("50 2 29 3 *", "Europe/Berlin", "2026-03-29T01:10:00Z", 1)).toEqual([
      "2026-03-29T03:50:00+02:00",
    ]);
  });

  it("runs a repeated time the first time only", () => {
    expect(localRuns("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T02:30:00+02:00",
      "2026-10-26T02:30:00+01:00",
    ]);
    expect(localRuns("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", 1)).toEqual([
      "2026-10-26T02:30:00+01:00",
    ]);
  });

  it("loses no day where midnight is skipped, and doubles none where it is repeated", () => {
    expect(localRuns("0 0 * * *", "America/Havana", "2026-03-07T12:00:00Z", 2)).toEqual([
      "2026-03-08T01:00:00-04:00",
      "2026-03-09T00:00:00-04:00",
    ]);
    expect(localRuns("0 0 * * *", "Atlantic/Azores", "2026-10-24T12:00:00Z", 2)).toEqual([
      "2026-10-25T00:00:00+00:00",
      "2026-10-26T00:00:00-01:00",
    ]);
  });

  it("handles half an hour in Lord Howe and two hours in Troll", () => {
    expect(localRuns("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 1)).toEqual([
      "2026-10-04T02:45:00+11:00",
    ]);
    expect(localRuns("30 1,2 * * *", "Antarctica/Troll", "2026-03-28T12:00:00Z", 2)).toEqual([
      "2026-03-29T03:30:00+02:00",
      "2026-03-29T04:30:00+02:00",
    ]);
  });

  it("goes on where a zone skips a whole day", () => {
    expect(localRuns("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3)).toEqual([
      "2011-12-29T09:00:00-10:00",
      "2011-12-31T09:00:00+14:00",
      "2012-01-01T09:00:00+14:00",
    ]);
    expect(localRuns("0 9 30 * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 2)).toEqual([
      "2011-12-31T09:00:00+14:00",
      "2012-01-30T09:00:00+14:00",
    ]);
  });
});

describe("any other hours on the night the clocks change", () => {
  it("are each of them once, and those that are skipped run after the gap", () => {
    expect(localRuns("0 */2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2)).toEqual([
      "2026-03-29T03:00:00+02:00",
      "2026-03-29T04:00:00+02:00",
    ]);
    expect(localRuns("*/30 0-5 * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 4)).toEqual([
      "2026-10-25T02:00:00+02:00",
      "2026-10-25T02:30:00+02:00",
      "2026-10-25T03:00:00+01:00",
      "2026-10-25T03:30:00+01:00",
    ]);
  });
});

describe("every hour on the night the clocks change", () => {
  it("leaves out what does not pass", () => {
    expect(localRuns("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2)).toEqual([
      "2026-03-29T01:30:00+01:00",
      "2026-03-29T03:30:00+02:00",
    ]);
    expect(localRuns("30 0-23 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2)).toEqual(
      localRuns("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 2),
    );
  });

  it("runs both times through the repeated hour", () => {
    expect(localRuns("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 3)).toEqual([
      "2026-10-25T02:30:00+02:00",
      "2026-10-25T02:30:00+01:00",
      "2026-10-25T03:30:00+01:00",
    ]);
  });

  it("is a fixed hour where the step leaves only one", () => {
    expect(localRuns("0 */24 * * *", "America/Havana", "2026-03-07T12:00:00Z", 1)).toEqual([
      "2026-03-08T01:00:00-04:00",
    ]);
  });
});
