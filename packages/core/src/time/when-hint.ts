const otherForms = 'an RFC 3339 time, "2026-07-01 09:00", or a cron like "0 9 * * *"';

/** What to write instead of a text that is no form of `when`, with an example to copy. */
export function hintForUnread(written: string): string {
  return isoDuration(written) ?? commonMistake(written) ?? `Write "2h", ${otherForms}.`;
}

function isoDuration(written: string): string | undefined {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/i.exec(written);
  if (found === null)
    return /^P\d/i.test(written) ? 'Write "30d" for a month and "52w" for a year.' : undefined;
  const units = ["w", "d", "h", "m", "s"];
  const parts = units.map((unit, index) =>
    found[index + 1] === undefined ? "" : `${found[index + 1]}${unit}`,
  );
  return parts.join("") === "" ? undefined : `Write "${parts.join("")}", ${otherForms}.`;
}

function commonMistake(written: string): string | undefined {
  if (/^(?:CRON_)?TZ=/i.test(written))
    return 'Give the zone in timezone, and here only the cron, "0 9 * * *".';
  if (/^(?:in )?-\d/.test(written)) return 'Give a future time, or a duration like "24h".';
  if (/^\d{4}-\d\d-\d\d$/.test(written)) return `Add the time of day: "${written} 09:00".`;
  if (/^\d\d?:\d\d/.test(written))
    return 'Add the date, "2026-07-01 09:00", or repeat it daily, "0 9 * * *".';
  if (/^every /i.test(written))
    return 'Write a cron, "*/15 * * * *", or use every_n_minutes, for example 15.';
  if (/^\d{9,13}$/.test(written)) return `Write the timestamp as RFC 3339: "${timestamp(written)}".`;
  if (/^(?:in )?\d{1,8}$/i.test(written)) return `Add a unit: "${written}s" or "${written}m".`;
  return undefined;
}

function timestamp(written: string): string {
  const seconds = written.length < 12 ? Number(written) : Number(written) / 1_000;
  return new Date(Math.floor(seconds) * 1_000).toISOString().replace(".000Z", "Z");
}
