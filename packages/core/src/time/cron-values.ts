import { CronExpressionParser } from "cron-parser";
import { boundedCache } from "./cache.ts";

export interface CronField {
  name: string;
  /** What cron-parser calls it. */
  key: "minute" | "hour" | "dayOfMonth" | "month" | "dayOfWeek";
  min: number;
  max: number;
  /** The names that stand for its numbers too. */
  names?: string;
}

/** The five fields of a cron expression, in order. */
export const cronFields: readonly CronField[] = [
  { name: "minute", key: "minute", min: 0, max: 59 },
  { name: "hour", key: "hour", min: 0, max: 23 },
  { name: "day of month", key: "dayOfMonth", min: 1, max: 31 },
  {
    name: "month",
    key: "month",
    min: 1,
    max: 12,
    names: "JAN, FEB, MAR, APR, MAY, JUN, JUL, AUG, SEP, OCT, NOV, DEC",
  },
  { name: "day of week", key: "dayOfWeek", min: 0, max: 7, names: "SUN, MON, TUE, WED, THU, FRI, SAT" },
];

const known = boundedCache<string, readonly number[]>(10_000);

/**
 * The values of one item of a field's list, as cron-parser reads it; throws what cron-parser throws.
 * Item by item, because cron-parser refuses a list that names a value twice, and drops the days a single month lacks.
 */
export function valuesOf(field: CronField, item: string): readonly number[] {
  const key = `${field.key} ${item}`;
  return known.get(key) ?? known.set(key, read(field, item));
}

function read(field: CronField, item: string): number[] {
  // Sunday ends a week here, and only begins it in cron-parser: SAT-SUN is 6-7.
  const written = field.key === "dayOfWeek" ? item.replace(/-sun/i, "-7") : item;
  const atoms = cronFields.map((other) => (other === field ? written : "*"));
  return CronExpressionParser.parse(atoms.join(" ")).fields[field.key].values.map(Number);
}
