import { SchedulerError } from "@org/scheduler-contract";
import { DAY, HOUR, MINUTE, SECOND, daysInMonth, toDayNumber } from "./calendar.ts";
import { parseCron } from "./cron.ts";
import { cronFields } from "./cron-values.ts";
import { assertTimeZone } from "./zone-name.ts";
import { toInstant } from "./zone.ts";
import { hintForUnread, type WhenContext } from "./when-hint.ts";

export type When = { kind: "scheduled"; runAt: number } | { kind: "cron"; cron: string };

const maxLength = 255;
const yearsAhead = 10;
const shortestDelay = SECOND;

const unitLengths = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: 7 * DAY };
const amountPattern = /(\d+(?:\.\d+)?) ?(ms|[smhdw])[a-z]*/g;
const durationPattern =
  /^(?:in )?((?:\d+(?:\.\d+)? ?(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?) ?)+)$/i;
const timePattern =
  /^(\d{4})-(\d\d)-(\d\d)[t ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:(z)|([+-])(\d\d):?(\d\d))?$/i;

/**
 * Reads when to run: a duration ("in 2h"), an RFC 3339 instant, a wall-clock time in `timezone`, or a cron.
 * Throws `invalid_schedule` (field `when` or `timezone`) with a hint that names the fix.
 */
export function parseWhen(text: string, { now, timezone }: WhenContext): When {
  if (text.length > maxLength) {
    refuse(
      `when has at most ${maxLength} characters, this one ${text.length}.`,
      'Write it shortly, for example "in 2h".',
    );
  }
  assertTimeZone(timezone);
  const written = text.trim().replace(/\s+/g, " ");
  const delay = readDuration(written);
  if (delay !== undefined) return { kind: "scheduled", runAt: afterDelay(written, delay, now) };
  const runAt = readTime(written, timezone);
  if (runAt !== undefined) {
    assertFuture(runAt, now, "when");
    return { kind: "scheduled", runAt };
  }
  if (looksLikeCron(written)) {
    parseCron(written, "when");
    return { kind: "cron", cron: written };
  }
  return refuse(
    `Couldn't read ${JSON.stringify(written.slice(0, 80))} as a time.`,
    hintForUnread(written, { now, timezone }),
  );
}

/** Throws `invalid_schedule` unless `instant` (epoch ms) lies after `now` and no more than ten years ahead of it. */
export function assertFuture(instant: number, now: number, field = "run_at"): void {
  const clock = `now it is ${new Date(now).toISOString()}`;
  if (!(instant > now)) {
    const shown = Math.abs(instant) <= 8.64e15 ? new Date(instant).toISOString() : String(instant);
    refuse(`${shown} is in the past; ${clock}.`, 'Give a future time, or a duration like "24h".', field);
  }
  if (instant > tenYearsAfter(now)) {
    refuse(
      `A time may be at most ${yearsAhead} years ahead; ${clock}.`,
      'Give a nearer time, for example "30d".',
      field,
    );
  }
}

function readDuration(written: string): number | undefined {
  const amounts = durationPattern.exec(written)?.[1]?.toLowerCase();
  if (amounts === undefined) return undefined;
  let total = 0;
  for (const [, amount, unit] of amounts.matchAll(amountPattern)) {
    total += Number(amount) * unitLengths[unit as keyof typeof unitLengths];
  }
  return Math.round(total);
}

function afterDelay(written: string, delay: number, now: number): number {
  if (delay < shortestDelay) {
    refuse(`"${written}" is less than a second.`, 'The shortest delay is "1s".');
  }
  assertFuture(now + delay, now, "when");
  return now + delay;
}

/** The instant of an RFC 3339 time, or of a wall-clock time in `timezone`. */
function readTime(written: string, timezone: string): number | undefined {
  const found = timePattern.exec(written);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const ms = Math.floor(Number(`0.${found[7] ?? 0}`) * SECOND);
  assertCalendar(written, { year, month, day, hour, minute, second });
  const wall = { year, month, day, hour, minute, second, ms };
  const [utc, sign, offsetHours, offsetMinutes] = found.slice(8);
  if (utc === undefined && sign === undefined) return toInstant(timezone, wall);
  const asUtc = toDayNumber(wall) * DAY + hour * HOUR + minute * MINUTE + second * SECOND + ms;
  const offset = Number(offsetHours ?? 0) * HOUR + Number(offsetMinutes ?? 0) * MINUTE;
  if (offset >= DAY || Number(offsetMinutes ?? 0) > 59) {
    refuse(`The offset in "${written}" is too large.`, 'Write an offset like "+02:00", or "Z" for UTC.');
  }
  return asUtc - (sign === "-" ? -offset : offset);
}

function assertCalendar(
  written: string,
  {
    year,
    month,
    day,
    hour,
    minute,
    second,
  }: Record<"year" | "month" | "day" | "hour" | "minute" | "second", number>,
): void {
  const length = daysInMonth(year, month);
  if (length === 0)
    refuse(`"${written}" has no such month.`, "Months go from 01 to 12: YEAR-MONTH-DAY HOUR:MINUTE.");
  if (day < 1 || day > length) {
    const last = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${length}`;
    refuse(`"${written}" is not a day of the calendar.`, `The last day of that month is ${last}.`);
  }
  if (hour > 23 || minute > 59 || second > 59) {
    refuse(`"${written}" is not a time of day.`, "Times go from 00:00:00 to 23:59:59.");
  }
}

function looksLikeCron(written: string): boolean {
  if (/^[@*]/.test(written)) return true;
  const startsLikeCron = /^\d\S* [\d*]/.test(written);
  return startsLikeCron && (written.includes("*") || written.split(" ").length >= cronFields.length);
}

function tenYearsAfter(now: number): number {
  return new Date(now).setUTCFullYear(new Date(now).getUTCFullYear() + yearsAhead);
}

function refuse(detail: string, hint: string, field = "when"): never {
  throw new SchedulerError("invalid_schedule", detail, { hint, field });
}
