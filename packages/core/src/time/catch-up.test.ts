import { describe, expect, it } from "vitest";
import { slotsBetween } from "./catch-up.ts";
import { nextRun, type Schedule } from "./next-run.ts";

const at = (text: string) => Date.parse(text);
const minute = 60_000;

describe("slotsBetween", () => {
  const daily: Schedule = { kind: "cron", cron: "0 9 * * *", timezone: "UTC" };

  it("gives the latest slots, oldest first, and the total", () => {
    const found = slotsBetween(daily, at("2026-05-01T09:00:00Z"), at("2026-05-05T09:00:00Z"), 2);
    expect(found).toEqual({
      slots: [at("2026-05-04T09:00:00Z"), at("2026-05-05T09:00:00Z")],
      total: 4,
      more: false,
    });
  });

  it("is empty where there is nothing", () => {
    const nothing = { slots: [], total: 0, more: false };
    expect(slotsBetween(daily, at("2026-05-01T09:00:00Z"), at("2026-05-02T08:59:59Z"), 5)).toEqual(nothing);
    expect(slotsBetween(daily, at("2026-05-02T09:00:00Z"), at("2026-05-01T09:00:00Z"), 5)).toEqual(nothing);
    expect(slotsBetween({ ...daily, endAt: 0 }, 0, at("2026-05-01T09:00:00Z"), 5)).toEqual(nothing);
  });

  it("counts without listing when max is 0", () => {
    expect(slotsBetween(daily, at("2026-05-01T09:00:00Z"), at("2026-05-05T09:00:00Z"), 0)).toEqual({
      slots: [],
      total: 4,
      more: false,
    });
  });

  it("stops counting at 10,000 and still finds the latest", () => {
    const until = at("2026-05-01T00:00:30Z");
    const everyMinute: Schedule = { kind: "cron", cron: "* * * * *", timezone: "Europe/Berlin" };
    expect(slotsBetween(everyMinute, at("2020-01-01T00:00:00Z"), until, 3)).toEqual({
      slots: [2, 1, 0].map((back) => at("2026-05-01T00:00:00Z") - back * minute),
      total: 10_000,
      more: true,
    });
    const exactly = at("2020-01-01T00:00:00Z") + 10_000 * minute;
    expect(slotsBetween(everyMinute, at("2020-01-01T00:00:00Z"), exactly, 0)).toMatchObject({
      total: 10_000,
      more: false,
    });
  });

  it("finds the latest of a burst that ended long ago", () => {
    const burst: Schedule = { kind: "cron", cron: "* * * 1 *", timezone: "UTC" };
    const found = slotsBetween(burst, at("2025-02-01T00:00:00Z"), at("2026-12-31T00:00:00Z"), 2);
    expect(found.slots).toEqual([at("2026-01-31T23:58:00Z"), at("2026-01-31T23:59:00Z")]);
  });

  it("does bounded work over decades", () => {
    let calls = 0;
    const watched = new Proxy<Schedule>(
      { kind: "cron", cron: "*/5 * * 1 *", timezone: "UTC" },
      {
        get: (target, key) => {
          if (key === "cron") calls++;
          return Reflect.get(target, key);
        },
      },
    );
    slotsBetween(watched, at("1990-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"), 100);
    expect(calls).toBeLessThan(12_000);
  });

  it("counts every N minutes by arithmetic", () => {
    const after = at("2020-01-01T00:00:00.123Z");
    const recurring: Schedule = { kind: "recurring", everyMinutes: 1, anchor: after };
    expect(slotsBetween(recurring, after, after + 5_000_000 * minute + 1, 2)).toEqual({
      slots: [after + 4_999_999 * minute, after + 5_000_000 * minute],
      total: 5_000_000,
      more: false,
    });
  });

  it("keeps to start_at and end_at", () => {
    const recurring: Schedule = {
      kind: "recurring",
      everyMinutes: 10,
      anchor: 7 * minute,
      startAt: 7 * minute,
      endAt: 27 * minute,
    };
    expect(slotsBetween(recurring, 0, 100 * minute, 9)).toEqual({
      slots: [7 * minute, 17 * minute, 27 * minute],
      total: 3,
      more: false,
    });
    expect(nextRun(recurring, 0)).toBe(7 * minute);
  });
});
