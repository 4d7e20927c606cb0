import { DAY } from "./calendar.ts";
import { formatLocal } from "./zone.ts";

/** When a text is read, and where. */
export interface WhenContext {
  /** Epoch ms that durations count from. */
  now: number;
  /** IANA zone of wall-clock times. */
  timezone: string;
}

/** What to write instead of a text that is no form of `when`, with an example to copy, made from the time that it is. */
export function hintForUnread(written: string, context: WhenContext): string {
  const otherForms = `an RFC 3339 time, "${onDay(context, 1)} 09:00", or a cron like "0 9 * * *"`;
  const duration = isoDuration(written);
  if (duration !== undefined) return duration === "" ? months : `Write "${duration}", ${otherForms}.`;
  return commonMistake(written, context) ?? `${clockOf(context)} Write "2h", ${otherForms}.`;
}

const months = 'Write "30d" for a month and "52w" for a year.';

/** The duration as we take it; empty where it counts in months or years. */
function isoDuration(written: string): string | undefined {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/i.exec(written);
  if (found === null) return /^P\d/i.test(written) ? "" : undefined;
  const units = ["w", "d", "h", "m", "s"];
  const parts = units.map((unit, index) =>
    found[index + 1] === undefined ? "" : `${found[index + 1]}${unit}`,
  );
  return parts.join("") || undefined;
}

const days: Readonly<Record<string, number>> = { today: 0, tonight: 0, tomorrow: 1 };
const crons: Readonly<Record<string, string>> = {
  hourly: "0 * * * *",
  daily: "0 0 * * *",
  nightly: "0 2 * * *",
  weekly: "0 0 * * 0",
  monthly: "0 0 1 * *",
  yearly: "0 0 1 1 *",
};

function commonMistake(written: string, context: WhenContext): string | undefined {
  const lower = written.toLowerCase();
  if (/^(?:CRON_)?TZ=/i.test(written))
    return 'Give the zone in timezone, and here only the cron, "0 9 * * *".';
  if (/^(?:in )?-\d/.test(written)) return 'Give a future time, or a duration like "24h".';
  if (/^\d{4}-\d\d-\d\d$/.test(written)) return `Add the time of day: "${written} 09:00".`;
  if (/^\d\d?:\d\d/.test(written))
    return `Add the date, "${onDay(context, 1)} 09:00", or repeat it daily, "0 9 * * *".`;
  if (/^(now|immediately|asap)$/.test(lower)) return "Leave when out to run now.";
  const minutes = /^every (\d{1,6})? ?min(?:ute)?s?$/.exec(lower);
  if (minutes) return `Leave when out and give every_n_minutes: ${Number(minutes[1] ?? 1)}.`;
  if (lower.startsWith("every ")) return 'Write a cron, "*/15 * * * *", or give every_n_minutes, such as 15.';
  const cron = crons[lower];
  if (cron !== undefined) return `Write "${cron}".`;
  const [first = ""] = lower.split(/[ ,]/, 1);
  const day = days[first];
  if (day !== undefined) return `${clockOf(context)} Write "${onDay(context, day)} ${timeIn(lower)}".`;
  if (/^\d{9,13}$/.test(written)) return `Write the timestamp as RFC 3339: "${timestamp(written)}".`;
  if (/^(?:in )?\d{1,8}$/i.test(written)) return `Add a unit: "${written}s" or "${written}m".`;
  return undefined;
}

function clockOf({ now, timezone }: WhenContext): string {
  return `It is ${formatLocal(timezone, now).slice(0, 16).replace("T", " ")} in ${timezone}.`;
}

/** The date, so many days from now on. */
function onDay({ now, timezone }: WhenContext, later: number): string {
  return formatLocal(timezone, now + later * DAY).slice(0, 10);
}

/** The time of day in a text such as "tomorrow at 9:30 pm", else nine o'clock. */
function timeIn(text: string): string {
  const [, hours = "9", minutes = "00", half] = /(\d\d?)(?::(\d\d))? ?([ap]m)?/.exec(text) ?? [];
  const hour = half === undefined ? Number(hours) : (Number(hours) % 12) + (half === "pm" ? 12 : 0);
  return `${String(hour % 24).padStart(2, "0")}:${minutes}`;
}

function timestamp(written: string): string {
  const seconds = written.length < 12 ? Number(written) : Number(written) / 1_000;
  return new Date(Math.floor(seconds) * 1_000).toISOString().replace(".000Z", "Z");
}
