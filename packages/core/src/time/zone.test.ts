import { describe, expect, it } from "vitest";
import { formatLocal, offsetAt, offsetChanges, offsetPeriodAt, toInstant, wallClock } from "./zone.ts";

const hour = 3_600_000;
const at = (text: string) => Date.parse(text);

function instantOf(zone: string, text: string): string {
  const [year = 0, month = 0, day = 0, hourAt = 0, minute = 0] = text.split(/\D/).map(Number);
  return new Date(
    toInstant(zone, { year, month, day, hour: hourAt, minute, second: 0, ms: 0 }),
  ).toISOString();
}

describe("offsetAt", () => {
  it("changes at the very millisecond", () => {
    const change = at("2026-03-29T01:00:00Z");
    expect(offsetAt("Europe/Berlin", change - 1)).toBe(hour);
    expect(offsetAt("Europe/Berlin", change)).toBe(2 * hour);
  });

  it("knows seconds, half hours and no change at all", () => {
    expect(offsetAt("Africa/Monrovia", at("1971-01-01T00:00:00Z"))).toBe(-(44 * 60 + 30) * 1_000);
    expect(offsetAt("Asia/Kathmandu", at("2026-01-01T00:00:00Z"))).toBe(5.75 * hour);
    expect(offsetAt("UTC", at("2026-01-01T00:00:00Z"))).toBe(0);
  });

  it("finds a stay of one week", () => {
    const changes = offsetChanges(
      "America/Boa_Vista",
      at("2000-09-01T00:00:00Z"),
      at("2000-12-01T00:00:00Z"),
    );
    expect(changes.map(({ at: instant }) => new Date(instant).toISOString())).toEqual([
      "2000-10-08T04:00:00.000Z",
      "2000-10-15T03:00:00.000Z",
    ]);
  });

  it("refuses an unknown zone", () => {
    expect(() => offsetAt("Mars/Olympus", 0)).toThrow(expect.objectContaining({ code: "invalid_schedule" }));
  });
});

describe("offsetPeriodAt", () => {
  it("names the change that a period began with, also where two spans of the table meet", () => {
    const change = at("2023-03-24T00:00:00Z");
    expect(change % (360 * 24 * hour)).toBe(0);
    const expected = { since: change, before: 2 * hour, offset: 3 * hour };
    expect(offsetPeriodAt("Asia/Jerusalem", change)).toMatchObject(expected);
    expect(offsetPeriodAt("Asia/Jerusalem", change + 24 * hour)).toMatchObject(expected);
  });
});

describe("toInstant", () => {
  it("reads a time that is skipped with the offset before", () => {
    expect(instantOf("Europe/Berlin", "2026-03-29 02:30")).toBe("2026-03-29T01:30:00.000Z");
    expect(instantOf("Pacific/Apia", "2011-12-30 12:00")).toBe("2011-12-30T22:00:00.000Z");
  });

  it("reads a repeated time as the first", () => {
    expect(instantOf("Europe/Berlin", "2026-10-25 02:30")).toBe("2026-10-25T00:30:00.000Z");
    expect(instantOf("America/New_York", "2026-11-01 01:30")).toBe("2026-11-01T05:30:00.000Z");
  });

  it("is exact right before and right after both", () => {
    expect(instantOf("Europe/Berlin", "2026-03-29 01:59")).toBe("2026-03-29T00:59:00.000Z");
    expect(instantOf("Europe/Berlin", "2026-03-29 03:00")).toBe("2026-03-29T01:00:00.000Z");
    expect(instantOf("Europe/Berlin", "2026-10-25 03:00")).toBe("2026-10-25T02:00:00.000Z");
  });
});

describe("wallClock and formatLocal", () => {
  it("show what the wall shows", () => {
    const instant = at("2026-03-29T01:30:15.250Z");
    expect(wallClock("Europe/Berlin", instant)).toEqual({
      year: 2026,
      month: 3,
      day: 29,
      hour: 3,
      minute: 30,
      second: 15,
      ms: 250,
    });
    expect(formatLocal("Europe/Berlin", instant)).toBe("2026-03-29T03:30:15.250+02:00");
  });

  it("write negative, quarter-hour and zero offsets", () => {
    const instant = at("2026-01-01T00:00:00Z");
    expect(formatLocal("America/St_Johns", instant)).toBe("2025-12-31T20:30:00-03:30");
    expect(formatLocal("Asia/Kathmandu", instant)).toBe("2026-01-01T05:45:00+05:45");
    expect(formatLocal("UTC", instant)).toBe("2026-01-01T00:00:00+00:00");
  });

  it("name the same instant also where the offset has seconds", () => {
    const instant = at("1971-01-01T00:00:00Z");
    expect(Date.parse(formatLocal("Africa/Monrovia", instant))).toBe(instant);
  });
});
