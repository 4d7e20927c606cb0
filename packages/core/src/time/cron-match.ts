import { DAY, MINUTE, daysInMonth, fromDayNumber, weekdayOf } from "./calendar.ts";
import type { Cron } from "./cron.ts";

// No stretch of constant offset is longer than a year, and the next one is searched anew.
const maxMonths = 14;
const minutesPerDay = DAY / MINUTE;

/**
 * The first local time at or after `local` that the expression matches, both in ms as if the wall showed UTC.
 * Infinity when there is none
 * within a year.
 */
export function nextMatch(cron: Cron, local: number): number {
  const today = Math.floor(local / DAY);
  const minute = Math.ceil((local - today * DAY) / MINUTE);
  const day = nextDay(cron, today);
  if (day === today) {
    const time = nextTime(cron, minute);
    return time < minutesPerDay
      ? day * DAY + time * MINUTE
      : nextDay(cron, today + 1) * DAY + firstTime(cron);
  }
  return day * DAY + firstTime(cron);
}

function firstTime(cron: Cron): number {
  return nextTime(cron, 0) * MINUTE;
}

/** The first matching minute of a day at or after `minuteOfDay`; a whole day when there is none. */
function nextTime(cron: Cron, minuteOfDay: number): number {
  const hour = Math.floor(minuteOfDay / 60);
  const minute = minuteOfDay - hour * 60;
  const [firstMinute = 0] = cron.minutes;
  for (const matching of cron.hours) {
    if (matching < hour) continue;
    if (matching > hour) return matching * 60 + firstMinute;
    for (const candidate of cron.minutes) {
      if (candidate >= minute) return hour * 60 + candidate;
    }
  }
  return minutesPerDay;
}

function nextDay(cron: Cron, from: number): number {
  let { year, month, day } = fromDayNumber(from);
  let first = from - day + 1;
  for (let months = 0; months < maxMonths; months++) {
    const length = daysInMonth(year, month);
    if ((cron.monthMask & (1 << month)) !== 0) {
      const days = (cron.dayMasks[weekdayOf(first)] ?? 0) & withinMonth(day, length);
      if (days !== 0) return first - 1 + lowestBit(days);
    }
    first += length;
    day = 1;
    if (month === 12) year++;
    month = (month % 12) + 1;
  }
  return Infinity;
}

function withinMonth(day: number, length: number): number {
  // In 32 bits 1 << 32 is 1, so the days up to the 31st are cut out by shifting right.
  return (-1 << day) & (-1 >>> (31 - length));
}

function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}
