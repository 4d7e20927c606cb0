import { SchedulerError } from "@org/scheduler-contract";
import { boundedCache } from "./cache.ts";
import { daysInMonth } from "./calendar.ts";
import { checkField, type Refuse } from "./cron-check.ts";
import { cronFields, valuesOf } from "./cron-values.ts";

/** A cron expression, read. Every list is sorted; Sunday is 0. */
export interface Cron {
  /** Five fields with single spaces; an `@daily` form is written out. */
  expression: string;
  minutes: readonly number[];
  hours: readonly number[];
  daysOfMonth: readonly number[];
  /** One bit per month, bit 1 for January. */
  monthMask: number;
  daysOfWeek: readonly number[];
  everyDayOfMonth: boolean;
  everyDayOfWeek: boolean;
  /** Bit n is set where the nth fires, for a month whose first day is a Sunday, a Monday, … */
  dayMasks: readonly number[];
  /**
   * All 24 hours, however they are written: every matching minute as it passes on the wall, in a repeated hour twice. Any
   * other set of hours is fixed: each of its minutes once a day, moved where the clocks skip it (RFC 5545 §3.3.10).
   */
  followsWall: boolean;
}

const maxLength = 255;
const parsed = boundedCache<string, Cron>(10_000);

const nicknames: Record<string, string> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};

const leapYear = 2024;
const commonYear = 2025;
const example = 'for example "0 9 * * *"';

/**
 * Reads a cron expression of exactly five fields, or a nickname such as `@daily`.
 * Throws `invalid_schedule` with a hint; `field` is the input field to name in it.
 */
export function parseCron(expression: string, field = "cron"): Cron {
  return parsed.get(expression) ?? parsed.set(expression, read(expression, field));
}

function read(expression: string, field: string): Cron {
  const refuse: Refuse = (detail, hint) => {
    throw new SchedulerError("invalid_schedule", detail, { hint, field });
  };
  if (expression.length > maxLength) {
    refuse(
      `A cron expression has at most ${maxLength} characters, this one ${expression.length}.`,
      `Use ranges and steps, ${example}.`,
    );
  }
  const written = expression.trim().replace(/\s+/g, " ");
  const text = written.startsWith("@")
    ? (nicknames[written.toLowerCase()] ?? refuseNickname(written, refuse))
    : written;
  const atoms = text.split(" ");
  if (text === "" || atoms.length !== cronFields.length) return refuseCount(written, atoms, refuse);

  const [minutes = [], hours = [], daysOfMonth = [], months = [], writtenDays = []] = cronFields.map(
    (cronField, index) => {
      const atom = atoms[index] ?? "";
      checkField(cronField, atom, refuse);
      return sorted(atom.split(",").flatMap((item) => valuesOf(cronField, item)));
    },
  );
  const daysOfWeek = sorted(writtenDays.map((day) => day % 7));
  const everyDayOfMonth = isEvery(atoms[2]);
  const everyDayOfWeek = isEvery(atoms[4]);
  const firstDay = daysOfMonth[0] ?? 1;
  if (everyDayOfWeek && !months.some((month) => firstDay <= daysInMonth(leapYear, month))) {
    const lastDay = Math.max(...months.map((month) => daysInMonth(commonYear, month)));
    const possible = [atoms[0], atoms[1], lastDay, atoms[3], atoms[4]].join(" ");
    refuse(`"${text}" never fires: there is no day ${firstDay} in that month.`, `Write "${possible}".`);
  }
  const dates = toMask(daysOfMonth);
  return {
    expression: text,
    minutes,
    hours,
    daysOfMonth,
    monthMask: toMask(months),
    daysOfWeek,
    everyDayOfMonth,
    everyDayOfWeek,
    dayMasks: [0, 1, 2, 3, 4, 5, 6].map((firstWeekday) => {
      if (everyDayOfWeek) return dates;
      const weekdays = weekdayMask(daysOfWeek, firstWeekday);
      return everyDayOfMonth ? weekdays : dates | weekdays;
    }),
    followsWall: hours.length === 24,
  };
}

function sorted(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function weekdayMask(daysOfWeek: readonly number[], firstWeekday: number): number {
  let mask = 0;
  for (let day = 1; day <= 31; day++) {
    if (daysOfWeek.includes((firstWeekday + day - 1) % 7)) mask |= 1 << day;
  }
  return mask;
}

function isEvery(atom: string | undefined): boolean {
  return atom === "*" || atom === "*/1";
}

function toMask(bits: readonly number[]): number {
  return bits.reduce((mask, bit) => mask | (1 << bit), 0);
}

function refuseNickname(written: string, refuse: Refuse): never {
  if (/^@every\b/i.test(written)) {
    return refuse(
      `"${written}" is not cron.`,
      'Use every_n_minutes, for example 15, or cron "*/15 * * * *".',
    );
  }
  const known = Object.keys(nicknames).join(", ");
  return refuse(`"${written}" is not known here.`, `Use one of ${known}, or five fields, ${example}.`);
}

function refuseCount(written: string, atoms: string[], refuse: Refuse): never {
  if (written === "") {
    return refuse(
      "The cron expression is empty.",
      `Write minute hour day-of-month month day-of-week, ${example}.`,
    );
  }
  const count = `${atoms.length} field${atoms.length === 1 ? "" : "s"}`;
  const detail = `Cron has five fields here (minute hour day-of-month month day-of-week), "${written}" has ${count}.`;
  if (atoms.some((atom) => /TZ=|[a-z]\/[a-z]/i.test(atom))) {
    return refuse(detail, `Give the zone in timezone, and here only the five fields, ${example}.`);
  }
  if (atoms.length < cronFields.length && !written.includes("*")) {
    return refuse(
      detail,
      `Give a delay or an instant in when, an interval in every_n_minutes, and here a cron, ${example}.`,
    );
  }
  if (atoms.length < cronFields.length) {
    return refuse(detail, `Write the missing ones as "*", ${example}.`);
  }
  const fiveFields = atoms.slice(1, 6).join(" ").replaceAll("?", "*");
  const whole = atoms[0] === "0" && atoms.length <= 7 && isCron(fiveFields);
  return refuse(
    detail,
    whole
      ? `Leave out the seconds: "${fiveFields}".`
      : `Leave out seconds and year; a minute is the smallest step, ${example}.`,
  );
}

function isCron(text: string): boolean {
  try {
    parseCron(text);
    return true;
  } catch {
    return false;
  }
}
