import { expect, test } from "vitest";
import { HOUR, MINUTE } from "./calendar.ts";
import { keepsDistance } from "./spacing.ts";

const from = Date.UTC(2026, 2, 1);

test.each<[cron: string, leastMs: number, keeps: boolean]>([
  ["0 * * * *", HOUR, true],
  ["0 * * * *", HOUR + 1, false],
  ["*/5 * * * *", HOUR, false],
  ["*/5 * * * *", 5 * MINUTE, true],
  ["0,59 12 * * *", HOUR, false],
  ["59,0 * * * *", 2 * MINUTE, false],
  ["0 9 * * *", 24 * HOUR, true],
  ["0 9 * * *", 25 * HOUR, false],
  ["0 0,23 * * *", 2 * HOUR, false],
  // On Mondays alone, no midnight is between its slots.
  ["0 0,23 * * 1", 2 * HOUR, true],
  ["0 0,23 * * 1,2", 2 * HOUR, false],
  ["30 23 31 12 *", 24 * HOUR, true],
  ["@hourly", HOUR, true],
])("%s keeps %i ms: %s", (cron, leastMs, keeps) => {
  expect(keepsDistance({ kind: "cron", cron, timezone: "Europe/Berlin" }, leastMs, from)).toBe(keeps);
});

test("an interval keeps its own, and a single slot any", () => {
  expect(keepsDistance({ kind: "recurring", everyMinutes: 5, anchor: 0 }, 5 * MINUTE, from)).toBe(true);
  expect(keepsDistance({ kind: "recurring", everyMinutes: 5, anchor: 0 }, 6 * MINUTE, from)).toBe(false);
  expect(keepsDistance({ kind: "scheduled", runAt: 0 }, HOUR, from)).toBe(true);
});
