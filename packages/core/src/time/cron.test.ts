import { describe, expect, it } from "vitest";
import { parseCron } from "./cron.ts";

function refusal(expression: string): { detail: string; hint: string } {
  try {
    parseCron(expression);
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_schedule", field: "cron" });
    const { message, hint } = error as Error & { hint: string };
    return { detail: message, hint };
  }
  throw new Error(`${expression} was accepted`);
}

describe("parseCron", () => {
  it("reads values, lists, ranges and steps into sorted lists", () => {
    expect(parseCron("50,10-12,*/25 3 1-5/2 * *")).toMatchObject({
      minutes: [0, 10, 11, 12, 25, 50],
      hours: [3],
      daysOfMonth: [1, 3, 5],
    });
    expect(parseCron("5/20 * * * *").minutes).toEqual([5, 25, 45]);
  });

  it("reads names in any letter case, and 7 as Sunday", () => {
    const months = parseCron("0 0 1 jan,Mar-MAY *").monthMask;
    expect(months).toBe((1 << 1) | (1 << 3) | (1 << 4) | (1 << 5));
    expect(parseCron("0 0 * * 7").daysOfWeek).toEqual([0]);
    expect(parseCron("0 0 * * 5-7").daysOfWeek).toEqual([0, 5, 6]);
    expect(parseCron("0 0 * * sat-SUN").daysOfWeek).toEqual([0, 6]);
    expect(parseCron("0 0 * * sun-SUN/3").daysOfWeek).toEqual([0, 3, 6]);
  });

  it("takes a list that names a value twice, and keeps days that a single month lacks", () => {
    expect(parseCron("1,1 0 * * 0,7,SUN").daysOfWeek).toEqual([0]);
    expect(parseCron("0 0 28-31 2 *").daysOfMonth).toEqual([28, 29, 30, 31]);
  });

  it("writes @ forms out", () => {
    const written = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"];
    expect(written.map((nickname) => parseCron(nickname).expression)).toEqual([
      "0 * * * *",
      "0 0 * * *",
      "0 0 * * *",
      "0 0 * * 0",
      "0 0 1 * *",
      "0 0 1 1 *",
      "0 0 1 1 *",
    ]);
  });

  it("ignores spaces around and between", () => {
    expect(parseCron("  0\t9  * * * ").expression).toBe("0 9 * * *");
  });

  it("sets the rule for the days: either when both are set", () => {
    const firstIsSunday = 0;
    const onTheFirstMonday = 1 << 2;
    const both = parseCron("0 0 1 * 1").dayMasks[firstIsSunday] ?? 0;
    expect(both & (1 << 1)).not.toBe(0);
    expect(both & onTheFirstMonday).not.toBe(0);
    expect(parseCron("0 0 */1 * 1").dayMasks).toEqual(parseCron("0 0 * * 1").dayMasks);
    expect((parseCron("0 0 */2 * 1").dayMasks[firstIsSunday] ?? 0) & ((1 << 3) | onTheFirstMonday)).toBe(
      (1 << 3) | onTheFirstMonday,
    );
  });

  it("follows the wall for all 24 hours, however they are written, and for nothing else", () => {
    const follows = (hour: string) => parseCron(`0 ${hour} * * *`).followsWall;
    const all = ["*", "*/1", "0-23", "0/1", "0-11,12-23", "*/2,1-23/2", "23,0-22", "5,*"];
    expect(all.map(follows)).toEqual(all.map(() => true));
    const some = ["2", "0-22", "1-23", "*/2", "*/5", "*/24", "1-23/2", "*/2,5"];
    expect(some.map(follows)).toEqual(some.map(() => false));
  });

  it("takes a leap day, and days that only some of the months have", () => {
    expect(parseCron("0 0 29 2 *").daysOfMonth).toEqual([29]);
    expect(parseCron("0 0 31 2,3 *").daysOfMonth).toEqual([31]);
    expect(parseCron("0 0 31 2 1").daysOfMonth).toEqual([31]);
  });

  it.each([
    ["", /five fields|empty/, "0 9 * * *"],
    ["   ", /empty/, "0 9 * * *"],
    ["0 9 * *", /4 fields/, "0 9 * * *"],
    ["0 0 9 * * *", /6 fields/, '"0 9 * * *"'],
    ["0 0 9 ? * MON-FRI *", /7 fields/, '"0 9 * * MON-FRI"'],
    ["*/10 * * * * *", /6 fields/, "a minute is the smallest step"],
    ["2h", /1 field/, "in when"],
    ["every 5 minutes", /3 fields/, "every_n_minutes"],
    ["0 9 * * 1-5 Europe/Berlin", /6 fields/, "the zone in timezone"],
    ["CRON_TZ=UTC 0 9 * * *", /6 fields/, "the zone in timezone"],
    ["@reboot", /@reboot/, "@daily"],
    ["@every 5m", /@every/, "every_n_minutes"],
    ["@toString", /@toString/, "@daily"],
    ["0 0 31 2 *", /never fires/, '"0 0 28 2 *"'],
    ["0 0 30 2 *", /never fires/, '"0 0 28 2 *"'],
    ["5 4 31 4,6 *", /never fires/, '"5 4 30 4,6 *"'],
    ["0 0 L * *", /"L"/, "L, W and #"],
    ["0 0 15W * *", /"15W"/, "L, W and #"],
    ["0 0 * * 5L", /"5L"/, "L, W and #"],
    ["0 0 * * 1#2", /"1#2"/, "L, W and #"],
    ["0 0 ? * 1", /"\?"/, 'Write "*"'],
    ["60 * * * *", /minute/, "from 0 to 59"],
    ["* 24 * * *", /hour/, "from 0 to 23"],
    ["* * 0 * *", /day of month/, "from 1 to 31"],
    ["* * 32 * *", /day of month/, "from 1 to 31"],
    ["* * * 13 *", /month/, "JAN"],
    ["* * * * 8", /day of week/, "SUN"],
    ["* * * FOO *", /FOO/, "JAN"],
    ["* * * * MONDAY", /MONDAY/, "MON-FRI"],
    ["* MON * * *", /hour/, "from 0 to 23"],
    ["* 22-2 * * *", /backwards/, '"22-23,0-2"'],
    ["* * * * fri-MON", /backwards/, '"5-7,0-1"'],
    ["* * * * 7-3", /backwards/, '"7-7,0-3"'],
    ["* * * JAN-SUN *", /"SUN" does not fit the month/, "JAN"],
    ["*/0 * * * *", /step/, "every_n_minutes"],
    ["*/90 * * * *", /step/, "every_n_minutes"],
    ["1,,2 * * * *", /minute/, "*/15"],
    ["1- * * * *", /minute/, "*/15"],
    ["-1 * * * *", /minute/, "*/15"],
    ["1.5 * * * *", /minute/, "*/15"],
    ["**/2 * * * *", /minute/, "*/15"],
    ["H * * * *", /minute/, "*/15"],
    ["0x1 * * * *", /minute/, "*/15"],
    [`${"0,".repeat(130)}0 * * * *`, /at most 255/, "ranges"],
  ])("refuses %j", (expression, detail, hint) => {
    const refused = refusal(expression);
    expect(refused.detail).toMatch(detail);
    expect(refused.hint).toContain(hint);
  });

  it("names the input field it is told", () => {
    expect(() => parseCron("0 9 * *", "when")).toThrow(expect.objectContaining({ field: "when" }));
  });
});
