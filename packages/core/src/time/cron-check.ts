import { valuesOf, type CronField } from "./cron-values.ts";

/** Ends the reading with what is wrong and what to write instead. */
export type Refuse = (detail: string, hint: string) => never;

const itemPattern = /^(?:\*|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:\/(\d{1,3}))?$/i;

/** Calls `refuse` unless every item of the field's list is a value, a range or a step that cron has everywhere. */
export function checkField(field: CronField, text: string, refuse: Refuse): void {
  for (const item of text.split(",")) {
    const found = itemPattern.exec(item) ?? refuseItem(field, text, refuse);
    const [, first, last, step] = found;
    for (const value of [first, last]) {
      if (value !== undefined && !isRead(field, value)) refuseValue(field, value, refuse);
    }
    if (first !== undefined && last !== undefined && !isRead(field, `${first}-${last}`)) {
      refuse(
        `The range "${item}" runs backwards in the ${field.name} field.`,
        `Write it as two: "${numberOf(field, first)}-${field.max},${field.min}-${numberOf(field, last)}".`,
      );
    }
    const stride = step === undefined ? 1 : Number(step);
    const longest = field.max - field.min + 1;
    if (stride < 1 || stride > longest) {
      refuse(
        `The step in "${item}" must be from 1 to ${longest}: steps start anew with each ${wholeOf(field)}.`,
        "For a longer interval use every_n_minutes, for example 90.",
      );
    }
  }
}

function isRead(field: CronField, item: string): boolean {
  try {
    return valuesOf(field, item).length > 0;
  } catch {
    return false;
  }
}

function numberOf(field: CronField, value: string): number | undefined {
  return /\d/.test(value) ? Number(value) : valuesOf(field, value)[0];
}

function refuseValue(field: CronField, value: string, refuse: Refuse): never {
  const names = field.names === undefined ? "" : ` or ${field.names}`;
  return refuse(
    `"${value}" does not fit the ${field.name} field.`,
    `The ${field.name} goes from ${field.min} to ${field.max}${names}.`,
  );
}

function refuseItem(field: CronField, text: string, refuse: Refuse): never {
  const detail = `Couldn't read "${text}" as the ${field.name} field.`;
  if (text.includes("?")) return refuse(detail, 'Write "*" instead of "?".');
  if (/(?:^|[\d,-])[LW]/i.test(text) || text.includes("#")) {
    return refuse(
      detail,
      'L, W and # are not cron; name the days, for example "0 9 1-7 * *" or "0 9 28 * *".',
    );
  }
  return refuse(
    detail,
    'Write numbers, names, ranges "1-5", lists "1,3" and steps "*/15", for example "*/15 9-17 * * MON-FRI".',
  );
}

function wholeOf(field: CronField): string {
  return { minute: "hour", hour: "day", dayOfMonth: "month", month: "year", dayOfWeek: "week" }[field.key];
}
