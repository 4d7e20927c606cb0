import { boundedCache } from "./cache.ts";
import { DAY, HOUR, MINUTE, SECOND, fromDayNumber, toDayNumber } from "./calendar.ts";
import { assertTimeZone } from "./zone-name.ts";

/** What a clock on the wall shows. `month` and `day` count from 1. */
export interface WallClock {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

/**
 * A stretch of time in which a zone keeps one offset (all in ms). It begins at the change `since`, before which the
 * offset was `before`; where no change is near, `since` is -Infinity. At `until` it ends or goes on in the next period.
 */
export interface OffsetPeriod {
  since: number;
  until: number;
  before: number;
  offset: number;
}

/** A change of a zone's offset: at the instant `at`, from `before` to `after` ms east of UTC. */
export interface OffsetChange {
  at: number;
  before: number;
  after: number;
}

interface ZoneTable {
  format: Intl.DateTimeFormat;
  spans: ReturnType<typeof boundedCache<number, OffsetPeriod[]>>;
}

const spanLength = 360 * DAY;
// The shortest known stay at an offset is a week (Brazil, October 2000); a longer step could miss such a pair.
const sampleStep = 4 * DAY;
const maxSpansPerZone = 128;

const tables = boundedCache<string, ZoneTable>(700);

/** How many ms the clocks of `zone` are east of UTC at `instant` (epoch ms). Throws for an unknown zone. */
export function offsetAt(zone: string, instant: number): number {
  return offsetPeriodAt(zone, instant).offset;
}

/** The stretch of constant offset that holds `instant` (epoch ms). Throws for an unknown zone. */
export function offsetPeriodAt(zone: string, instant: number): OffsetPeriod {
  const table = tables.get(zone) ?? openTable(zone);
  const index = Math.floor(instant / spanLength);
  const periods =
    table.spans.get(index) ?? table.spans.set(index, findPeriods(table.format, index * spanLength));
  for (const period of periods) {
    if (instant < period.until) return period;
  }
  throw new RangeError(`no offset of ${zone} at ${instant}`);
}

/** Every change of the offset of `zone` in (`after`, `until`], in order. */
export function offsetChanges(zone: string, after: number, until: number): OffsetChange[] {
  const changes: OffsetChange[] = [];
  let period = offsetPeriodAt(zone, after);
  while (period.until <= until) {
    const at = period.until;
    period = offsetPeriodAt(zone, at);
    if (period.since === at) changes.push({ at, before: period.before, after: period.offset });
  }
  return changes;
}

/** What the wall clocks of `zone` show at `instant` (epoch ms). */
export function wallClock(zone: string, instant: number): WallClock {
  return splitLocal(instant + offsetAt(zone, instant));
}

/**
 * The instant (epoch ms) at which the clocks of `zone` show `wall`. A time in a gap is read with the offset before the
 * gap, so 02:30 becomes 03:30; a time that comes twice means the first.
 */
export function toInstant(zone: string, wall: WallClock): number {
  const local =
    toDayNumber(wall) * DAY + wall.hour * HOUR + wall.minute * MINUTE + wall.second * SECOND + wall.ms;
  const before = offsetAt(zone, local - DAY);
  const after = offsetAt(zone, local + DAY);
  const early = local - before;
  if (before === after || offsetAt(zone, early) === before) return early;
  const late = local - after;
  return offsetAt(zone, late) === after ? late : early;
}

/** RFC 3339 with the zone's offset, such as `2026-03-29T03:30:00+02:00`; with ms only where there are any. */
export function formatLocal(zone: string, instant: number): string {
  // RFC 3339 offsets are whole minutes; local mean times of the 19th century are not.
  const offset = Math.round(offsetAt(zone, instant) / MINUTE) * MINUTE;
  const { year, month, day, hour, minute, second, ms } = splitLocal(instant + offset);
  const fraction = ms === 0 ? "" : `.${digits(ms, 3)}`;
  const distance = Math.abs(offset) / MINUTE;
  const sign = offset < 0 ? "-" : "+";
  return (
    `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}` +
    `T${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}${fraction}` +
    `${sign}${digits(Math.floor(distance / 60), 2)}:${digits(distance % 60, 2)}`
  );
}

function splitLocal(local: number): WallClock {
  const dayNumber = Math.floor(local / DAY);
  const time = local - dayNumber * DAY;
  return {
    ...fromDayNumber(dayNumber),
    hour: Math.floor(time / HOUR),
    minute: Math.floor(time / MINUTE) % 60,
    second: Math.floor(time / SECOND) % 60,
    ms: time % SECOND,
  };
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, "0");
}

function openTable(zone: string): ZoneTable {
  assertTimeZone(zone);
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  return tables.set(zone, { format, spans: boundedCache(maxSpansPerZone) });
}

function findPeriods(format: Intl.DateTimeFormat, start: number): OffsetPeriod[] {
  const end = start + spanLength;
  const periods: OffsetPeriod[] = [];
  // A change just before the span still matters in it: its gap or repetition may reach over the border.
  let sampled = start - sampleStep;
  let offset = readOffset(format, sampled);
  let since = -Infinity;
  let before = offset;
  while (sampled < end) {
    const next = sampled + sampleStep;
    const offsetNext = readOffset(format, next);
    while (offset !== offsetNext) {
      sampled = findChange(format, sampled, next);
      if (sampled >= end) break;
      if (sampled > start) periods.push({ since, until: sampled, before, offset });
      since = sampled;
      before = offset;
      offset = readOffset(format, sampled);
    }
    sampled = next;
  }
  periods.push({ since, until: end, before, offset });
  return periods;
}

/** The first second after `from` at which the offset is another than there; at `until` it is. */
function findChange(format: Intl.DateTimeFormat, from: number, until: number): number {
  const offset = readOffset(format, from);
  let same = from / SECOND;
  let changed = until / SECOND;
  while (changed - same > 1) {
    const middle = Math.floor((same + changed) / 2);
    if (readOffset(format, middle * SECOND) === offset) same = middle;
    else changed = middle;
  }
  return changed * SECOND;
}

function readOffset(format: Intl.DateTimeFormat, instant: number): number {
  const found = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(format.format(instant));
  if (found === null) throw new RangeError(`no offset in "${format.format(instant)}"`);
  const [, sign, hours = 0, minutes = 0, seconds = 0] = found;
  const distance = Number(hours) * HOUR + Number(minutes) * MINUTE + Number(seconds) * SECOND;
  return sign === "-" ? -distance : distance;
}
