import { SchedulerError } from "@org/scheduler-contract";
import { boundedCache } from "./cache.ts";

const longestName = 64;
const known = boundedCache<string, true>(2_000);

// ICU also answers to "CST", "IST" or "BST" with one of their several meanings; these are the ones IANA defines.
const ianaThreeLetters = new Set("CET EET EST GMT HST MET MST PRC ROC ROK UCT UTC WET".split(" "));

const abbreviations: Record<string, string> = {
  AEDT: "Australia/Sydney",
  AEST: "Australia/Sydney",
  BST: "Europe/London",
  CDT: "America/Chicago",
  CEST: "Europe/Berlin",
  CST: "America/Chicago",
  EDT: "America/New_York",
  IST: "Asia/Kolkata",
  JST: "Asia/Tokyo",
  KST: "Asia/Seoul",
  MDT: "America/Denver",
  PDT: "America/Los_Angeles",
  PST: "America/Los_Angeles",
};

const renamed = [
  "UTC",
  "America/Argentina/Buenos_Aires",
  "Asia/Ho_Chi_Minh",
  "Asia/Kathmandu",
  "Asia/Kolkata",
  "Asia/Yangon",
  "Atlantic/Faroe",
  "Europe/Kyiv",
];

/** Whether `name` is an IANA time zone or a link to one, in any letter case. Offsets ("+02:00") are not. */
export function isTimeZone(name: string): boolean {
  if (known.get(name)) return true;
  if (name.length > longestName || !/^[A-Za-z]/.test(name) || /^systemv\//i.test(name)) return false;
  if (name.length === 3 && !ianaThreeLetters.has(name.toUpperCase())) return false;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
  } catch {
    return false;
  }
  return known.set(name, true);
}

/** Throws `invalid_schedule` (field `timezone`) unless `name` is an IANA time zone; the hint names a likely one. */
export function assertTimeZone(name: string): void {
  if (isTimeZone(name)) return;
  throw new SchedulerError("invalid_schedule", `"${name.slice(0, longestName)}" is not an IANA time zone.`, {
    hint: hintFor(name),
    field: "timezone",
  });
}

function hintFor(name: string): string {
  if (/^(?:utc|gmt)?\s*[+-]?\d/i.test(name)) {
    return 'An offset does not say when clocks change: name a place, for example "Europe/Berlin", or use "UTC".';
  }
  const likely = likelyZone(name.trim());
  return likely === undefined
    ? 'Write a name of the IANA time zone database, for example "America/New_York", or "UTC".'
    : `Write "${likely}" if that is the zone you mean.`;
}

function likelyZone(name: string): string | undefined {
  const abbreviated = abbreviations[name.toUpperCase()];
  if (abbreviated !== undefined || name.length > longestName) return abbreviated;
  const wanted = letters(name);
  if (wanted.length < 3) return undefined;
  const zones = [...renamed, ...Intl.supportedValuesOf("timeZone")];
  const city = zones.find(
    (zone) => letters(zone) === wanted || letters(lastPart(zone)) === letters(lastPart(name)),
  );
  if (city !== undefined) return city;
  let best: string | undefined;
  let fewest = Math.min(3, Math.ceil(wanted.length / 4)) + 1;
  for (const zone of zones) {
    const edits = Math.min(
      editDistance(wanted, letters(zone)),
      editDistance(wanted, letters(lastPart(zone))),
    );
    if (edits < fewest) [best, fewest] = [zone, edits];
  }
  return best;
}

function lastPart(zone: string): string {
  return zone.slice(zone.lastIndexOf("/") + 1);
}

function letters(text: string): string {
  return text.toLowerCase().replace(/[^a-z]/g, "");
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
