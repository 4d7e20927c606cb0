/** Names by which callers call a field of ours, of one meaning each. */
export const aliases: Readonly<Record<string, string>> = {
  schedule: "when",
  timeout: "timeout_seconds",
  uri: "url",
  endpoint: "url",
  tz: "timezone",
  time_zone: "timezone",
  cron_expression: "cron",
  every_minutes: "every_n_minutes",
  interval_minutes: "every_n_minutes",
};

/** Names that may mean a field of ours, or nearly what it means: only suggested. */
const nearly: Readonly<Record<string, string>> = {
  ...aliases,
  max_retries: "max_attempts",
  retries: "max_attempts",
  attempts: "max_attempts",
  backoff: "strategy",
  interval: "every_n_minutes",
  interval_seconds: "base_seconds",
  data: "body",
  payload: "body",
  delay: "delay_seconds",
  tags: "metadata",
  labels: "metadata",
};

/** One of the names that somebody meant who wrote another one; undefined where none is near. */
export function didYouMean(written: string, names: readonly string[]): string | undefined {
  // What is longer than any name is near none, and comparing takes the square of its length.
  if (written.length > 100) return undefined;
  const plain = plainName(written);
  const other = nearly[plain];
  if (other !== undefined && names.includes(other)) return other;
  const ranked = names.map((name) => ({ name, far: distance(plain, plainName(name)) }));
  const nearest = ranked.toSorted((one, other) => one.far - other.far)[0];
  return nearest && nearest.far <= Math.max(1, Math.floor(plain.length / 3)) ? nearest.name : undefined;
}

/** `jobId`, `Job-ID` and `job_id` are the same name. */
export function plainName(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/[\s-]+/g, "_")
    .toLowerCase();
}

/** How many letters differ, two that changed places counted as one (optimal string alignment). */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 1; at <= one.length; at++) {
    const row = [at];
    for (let to = 1; to <= other.length; to++) {
      const same = one[at - 1] === other[to - 1];
      row[to] = Math.min(last[to]! + 1, row[to - 1]! + 1, last[to - 1]! + (same ? 0 : 1));
      const swapped = at > 1 && to > 1 && one[at - 1] === other[to - 2] && one[at - 2] === other[to - 1];
      if (swapped) row[to] = Math.min(row[to]!, before[to - 2]! + 1);
    }
    before = last;
    last = row;
  }
  return last.at(-1)!;
}
