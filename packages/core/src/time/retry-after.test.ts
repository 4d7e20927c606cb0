import { describe, expect, test } from "vitest";
import { retryAfterMs } from "./retry-after.ts";

const now = Date.parse("2026-03-01T12:00:00Z");
const epoch = now / 1000;

const read = (headers: Record<string, string | undefined>): number | null =>
  retryAfterMs((name) => headers[name], now);

describe("retryAfterMs", () => {
  test.each([
    ["seconds", { "retry-after": "120" }, 120_000],
    ["parts of a second", { "retry-after": "0.5" }, 500],
    ["a date", { "retry-after": "Sun, 01 Mar 2026 12:01:00 GMT" }, 60_000],
    ["a date of old", { "retry-after": "Sunday, 01-Mar-26 12:01:00 GMT" }, 60_000],
    ["a date of C", { "retry-after": "Sun Mar  1 12:01:00 2026" }, 60_000],
    ["a date that has passed", { "retry-after": "Sun, 01 Mar 2026 11:00:00 GMT" }, 0],
    ["a quota that is used up", { ratelimit: '"default";r=0;t=30' }, 30_000],
    ["the longest of several", { ratelimit: '"burst";r=0;t=10, "hour";r=0;t=90, "day";r=5;t=9000' }, 90_000],
    ["a quota of an early draft", { ratelimit: "limit=100, remaining=0, reset=50" }, 50_000],
    ["a reset", { "ratelimit-reset": "7", "ratelimit-remaining": "0" }, 7000],
    ["a reset that says nothing of what is left", { "ratelimit-reset": "7" }, 7000],
    ["a reset in some seconds", { "x-ratelimit-reset": "9" }, 9000],
    ["a reset at an instant", { "x-ratelimit-reset": String(epoch + 45) }, 45_000],
    ["a reset at an instant that has passed", { "x-ratelimit-reset": String(epoch - 45) }, 0],
    ["a reset at an instant in milliseconds", { "x-ratelimit-reset": String(now + 45_000) }, 45_000],
    ["a time longer than any instant", { "x-ratelimit-reset": "9".repeat(30) }, Infinity],
    ["more seconds than anybody waits", { "retry-after": "99999999999999999999" }, 1e23],
    ["endless digits", { "retry-after": "9".repeat(400) }, Infinity],
    ["endless digits behind the point", { "retry-after": `5.${"0".repeat(400)}` }, 5000],
    ["an instant where seconds belong", { "ratelimit-reset": String(epoch + 45) }, 45_000],
    ["an instant within a quota", { ratelimit: `"default";r=0;t=${epoch + 45}` }, 45_000],
    ["endless digits of a quota", { ratelimit: `"d";r=0;t=${"9".repeat(400)}` }, Infinity],
    ["the longer of two", { "retry-after": "1", "x-ratelimit-reset": "20" }, 20_000],
  ])("reads %s", (_, headers, expected) => {
    expect(read(headers)).toBe(expected);
  });

  test.each([
    ["no header", {}],
    ["an empty one", { "retry-after": "" }],
    ["words", { "retry-after": "soon" }],
    ["a negative number", { "retry-after": "-5" }],
    ["a number in other clothes", { "retry-after": "0x10" }],
    ["a list", { "retry-after": "5, 10" }],
    ["a date that is none", { "retry-after": "Sun, 99 Mar 2026 12:01:00 GMT" }],
    ["a date with no zone", { "retry-after": "2026-03-01 12:01" }],
    ["a quota without a time", { ratelimit: '"default";r=0' }],
    ["a time that is none", { ratelimit: '"default";r=0;t=never' }],
    ["a quota that is left", { ratelimit: '"default";r=5;t=30' }],
    ["a reset while there is quota left", { "x-ratelimit-reset": "3600", "x-ratelimit-remaining": "4999" }],
  ])("makes nothing of %s", (_, headers) => {
    expect(read(headers)).toBeNull();
  });
});
