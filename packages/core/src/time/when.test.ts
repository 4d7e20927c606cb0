import { describe, expect, it } from "vitest";
import { assertFuture, parseWhen } from "./when.ts";

const now = Date.parse("2026-06-01T10:00:00Z");

function read(text: string, timezone = "UTC"): string {
  const when = parseWhen(text, { now, timezone });
  return when.kind === "cron" ? when.cron : new Date(when.runAt).toISOString();
}

function refusal(text: string): { detail: string; hint: string } {
  try {
    parseWhen(text, { now, timezone: "UTC" });
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_schedule", field: "when" });
    const { message, hint } = error as Error & { hint: string };
    return { detail: message, hint };
  }
  throw new Error(`${text} was accepted`);
}

describe("parseWhen", () => {
  it.each([
    ["24h", "2026-06-02T10:00:00.000Z"],
    ["in 2h", "2026-06-01T12:00:00.000Z"],
    ["90s", "2026-06-01T10:01:30.000Z"],
    ["1h30m", "2026-06-01T11:30:00.000Z"],
    ["1s", "2026-06-01T10:00:01.000Z"],
    ["1500ms", "2026-06-01T10:00:01.500Z"],
    ["1.5h", "2026-06-01T11:30:00.000Z"],
    ["2d", "2026-06-03T10:00:00.000Z"],
    ["1w2d", "2026-06-10T10:00:00.000Z"],
    ["In 1 hour 30 minutes", "2026-06-01T11:30:00.000Z"],
    ["  in 5 mins ", "2026-06-01T10:05:00.000Z"],
    ["3650d", "2036-05-29T10:00:00.000Z"],
  ])("reads the duration %j", (text, instant) => {
    expect(parseWhen(text, { now, timezone: "UTC" })).toEqual({
      kind: "scheduled",
      runAt: Date.parse(instant),
    });
  });

  it.each([
    ["2026-07-01T09:00:00Z", "2026-07-01T09:00:00.000Z"],
    ["2026-07-01T05:00:00-04:00", "2026-07-01T09:00:00.000Z"],
    ["2026-07-01T14:30:00.123456+05:30", "2026-07-01T09:00:00.123Z"],
    ["2026-07-01t09:00:00z", "2026-07-01T09:00:00.000Z"],
    ["2026-07-01 09:00Z", "2026-07-01T09:00:00.000Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
  ])("reads the instant %j, whatever the zone", (text, instant) => {
    expect(read(text, "Asia/Tokyo")).toBe(instant);
  });

  it.each([
    ["2026-07-01 09:00", "2026-07-01T13:00:00.000Z"],
    ["2026-07-01T09:00:00", "2026-07-01T13:00:00.000Z"],
    ["2026-12-01 09:00", "2026-12-01T14:00:00.000Z"],
    ["2027-03-14 02:30", "2027-03-14T07:30:00.000Z"],
    ["2026-11-01 01:30", "2026-11-01T05:30:00.000Z"],
  ])("reads the wall-clock time %j in the zone", (text, instant) => {
    expect(read(text, "America/New_York")).toBe(instant);
  });

  it("reads cron and keeps its text", () => {
    expect(parseWhen(" 0  9 * * MON ", { now, timezone: "UTC" })).toEqual({
      kind: "cron",
      cron: "0 9 * * MON",
    });
    expect(read("*/15 * * * *")).toBe("*/15 * * * *");
    expect(read("0 9 1 1 1")).toBe("0 9 1 1 1");
    expect(read("@daily")).toBe("@daily");
  });

  it.each([
    ["PT2H", '"2h"'],
    ["pt90m", '"90m"'],
    ["P1DT1H30M", '"1d1h30m"'],
    ["P1Y", '"52w"'],
    ["", '"0 9 * * *"'],
    ["tomorrow at nine", '"2026-06-02 09:00"'],
    ["tomorrow at 9:30 pm", '"2026-06-02 21:30"'],
    ["today 18:00", 'It is 2026-06-01 10:00 in UTC. Write "2026-06-01 18:00".'],
    ["some day", '"2026-06-02 09:00"'],
    ["now", "Leave when out"],
    ["daily", '"0 0 * * *"'],
    ["every 5 minutes", "every_n_minutes: 5."],
    ["every minute", "every_n_minutes: 1."],
    ["every monday", "every_n_minutes"],
    ["500ms", '"1s"'],
    ["0.5s", '"1s"'],
    ["0h", '"1s"'],
    ["-5m", '"24h"'],
    ["in -5m", '"24h"'],
    ["2020-01-01T00:00:00Z", '"24h"'],
    ["2026-06-01T10:00:00Z", '"24h"'],
    ["2026-06-01 10:00", '"24h"'],
    ["2036-06-01T10:00:01Z", "nearer"],
    ["99999999999999999999d", "nearer"],
    ["2027-02-29 09:00", "2027-02-28"],
    ["2026-02-30 09:00", "2026-02-28"],
    ["2026-04-31T09:00:00Z", "2026-04-30"],
    ["2026-13-01 09:00", "01 to 12"],
    ["2026-00-01 09:00", "01 to 12"],
    ["2026-07-00 09:00", "2026-07-31"],
    ["2026-07-01 24:00", "23:59:59"],
    ["2026-07-01 09:60", "23:59:59"],
    ["2026-07-01T09:00:60Z", "23:59:59"],
    ["2026-07-01T09:00:00+25:00", '"+02:00"'],
    ["2026-07-01", '"2026-07-01 09:00"'],
    ["09:00", '"0 9 * * *"'],
    ["1782896400", '"2026-07-01T09:00:00Z"'],
    ["1782896400000", '"2026-07-01T09:00:00Z"'],
    ["5", '"5m"'],
    ["every 5 minutes", "every_n_minutes"],
    ["TZ=Europe/Berlin 0 9 * * *", "timezone"],
    ["0 0 9 * * *", '"0 9 * * *"'],
    ["0 9 * *", '"0 9 * * *"'],
    ["* *", '"0 9 * * *"'],
    ["0 9 * * FOO", "SUN"],
    ["0 0 31 2 *", '"0 0 28 2 *"'],
    ["@reboot", "@daily"],
    ["9".repeat(256), '"in 2h"'],
  ])("refuses %j with a hint", (text, hint) => {
    expect(refusal(text).hint).toContain(hint);
  });

  it("quotes what it could not read", () => {
    expect(refusal("PT2H").detail).toBe('Couldn\'t read "PT2H" as a time.');
  });

  it("refuses an unknown zone", () => {
    expect(() => parseWhen("0 9 * * *", { now, timezone: "Berlin" })).toThrow(
      expect.objectContaining({ field: "timezone", hint: expect.stringContaining("Europe/Berlin") }),
    );
  });

  it.each([
    "9".repeat(255),
    `${"1h".repeat(127)}x`,
    "1 ".repeat(127),
    `in ${" ".repeat(250)}x`,
    "1.1".repeat(85),
    "*/".repeat(127),
  ])("gives up at once on long input (%#)", (text) => {
    expect(() => parseWhen(text, { now, timezone: "UTC" })).toThrow(
      expect.objectContaining({ field: "when" }),
    );
  });
});

describe("assertFuture", () => {
  it("takes what is ahead, up to ten years on the calendar", () => {
    expect(() => assertFuture(now + 1, now)).not.toThrow();
    expect(() => assertFuture(Date.parse("2036-06-01T10:00:00Z"), now)).not.toThrow();
  });

  it.each([now, now - 1, Date.parse("2036-06-01T10:00:00.001Z"), Number.NaN, Infinity, -Infinity])(
    "refuses %d",
    (instant) => {
      expect(() => assertFuture(instant, now)).toThrow(
        expect.objectContaining({ code: "invalid_schedule", field: "run_at" }),
      );
    },
  );
});
