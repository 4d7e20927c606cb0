export interface CronField {
  name: string;
  min: number;
  max: number;
  /** Names in the order of their numbers, the first for `min`. */
  names?: readonly string[];
}

const monthNames = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const dayNames = "SUN MON TUE WED THU FRI SAT".split(" ");

/** The five fields of a cron expression, in order. */
export const cronFields: readonly CronField[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of month", min: 1, max: 31 },
  { name: "month", min: 1, max: 12, names: monthNames },
  { name: "day of week", min: 0, max: 7, names: dayNames },
];

/** Ends the reading with what is wrong and what to write instead. */
export type Refuse = (detail: string, hint: string) => never;

const itemPattern = /^(?:\*|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:\/(\d{1,3}))?$/i;

/** Every value that the text of one field stands for, sorted, each once. Calls `refuse` with a detail and a hint. */
export function readField(field: CronField, text: string, refuse: Refuse): number[] {
  const values = new Set<number>();
  for (const item of text.split(",")) {
    const found = itemPattern.exec(item) ?? refuseItem(field, text, refuse);
    const [, first, last, step] = found;
    const from = first === undefined ? field.min : readValue(field, first, refuse);
    let until = from;
    if (last !== undefined) until = readRangeEnd(field, last, refuse);
    else if (first === undefined || step !== undefined) until = field.max;
    if (from > until)
      refuse(`The range "${item}" runs backwards in the ${field.name} field.`, splitHint(field, from, until));
    const stride = step === undefined ? 1 : Number(step);
    const longest = field.max - field.min + 1;
    if (stride < 1 || stride > longest) {
      refuse(
        `The step in "${item}" must be from 1 to ${longest}: steps start anew with each ${wholeOf(field)}.`,
        "For a longer interval use every_n_minutes, for example 90.",
      );
    }
    for (let value = from; value <= until; value += stride) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function readValue(field: CronField, text: string, refuse: Refuse): number {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1;
  const value = named >= 0 ? named + field.min : Number(text);
  if (Number.isInteger(value) && value >= field.min && value <= field.max) return value;
  const names = field.names === undefined ? "" : ` or ${field.names.join(", ")}`;
  return refuse(
    `"${text}" does not fit the ${field.name} field.`,
    `The ${field.name} goes from ${field.min} to ${field.max}${names}.`,
  );
}

function readRangeEnd(field: CronField, text: string, refuse: Refuse): number {
  return text.toUpperCase() === "SUN" && field.names === dayNames ? 7 : readValue(field, text, refuse);
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

function splitHint(field: CronField, from: number, until: number): string {
  return `Write it as two: "${from}-${field.max},${field.min}-${until}".`;
}

function wholeOf(field: CronField): string {
  return { minute: "hour", hour: "day", "day of month": "month", month: "year" }[field.name] ?? "week";
}
