import { SECOND } from "./calendar.ts";

/**
 * How many ms a target asks to be left alone: `Retry-After` (RFC 9110), or, where its quota is used up, the time until
 * that is new (`RateLimit` and `RateLimit-Reset` of the IETF's drafts, `X-RateLimit-Reset`). `header` answers the
 * value of a header by its name in lower case. Null where it asks for nothing, or for nothing that can be read.
 */
export function retryAfterMs(header: (name: string) => string | undefined, now: number): number | null {
  const asked = [
    fromRetryAfter(header("retry-after"), now),
    fromRateLimit(header("ratelimit"), now),
    hasQuota(header("ratelimit-remaining")) ? null : fromReset(header("ratelimit-reset"), now),
    hasQuota(header("x-ratelimit-remaining")) ? null : fromReset(header("x-ratelimit-reset"), now),
  ].filter((ms) => ms !== null);
  return asked.length === 0 ? null : Math.max(...asked);
}

/** No delta is this long: a number from here on is an instant, in seconds since 1970. */
const firstEpochSecond = 1_000_000_000;
/** From here on, an instant is in milliseconds: as seconds it would be in the year 5138. */
const firstEpochMs = 100_000_000_000;
/** The last instant that is one; what is later only says that it takes long. */
const lastEpochMs = 8.64e15;

function deltaMs(text: string | undefined): number | null {
  const seconds = numberIn(text);
  return seconds === null ? null : seconds * SECOND;
}

function fromReset(text: string | undefined, now: number): number | null {
  const number = numberIn(text);
  if (number === null || number < firstEpochSecond) return deltaMs(text);
  if (number > lastEpochMs) return Infinity;
  return Math.max(0, (number < firstEpochMs ? number * SECOND : number) - now);
}

function fromRetryAfter(text: string | undefined, now: number): number | null {
  const at = text === undefined ? null : dateIn(text.trim());
  return at === null ? deltaMs(text) : Math.max(0, at - now);
}

const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
/** The form that HTTP dates have, the one they had, and C's. */
const dates = [
  new RegExp(`^[A-Z][a-z]{2}, \\d{2} (${months}) \\d{4} \\d{2}:\\d{2}:\\d{2} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, \\d{2}-(${months})-\\d{2} \\d{2}:\\d{2}:\\d{2} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} (${months}) [ \\d]\\d \\d{2}:\\d{2}:\\d{2} \\d{4}$`),
];

function dateIn(text: string): number | null {
  if (!dates.some((form) => form.test(text))) return null;
  const at = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : at;
}

/** `"burst";r=0;t=10, "day";r=90;t=3600`, or, in earlier drafts, `limit=100, remaining=0, reset=50`. */
function fromRateLimit(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const limits = /(^|[;,\s])reset=/.test(text) ? [text] : text.split(",");
  const waits = limits.flatMap((limit) => {
    const wait = hasQuota(parameter(limit, "r|remaining"))
      ? null
      : fromReset(parameter(limit, "t|reset"), now);
    return wait === null ? [] : [wait];
  });
  return waits.length === 0 ? null : Math.max(...waits);
}

function parameter(text: string, names: string): string | undefined {
  return new RegExp(`(?:^|[;,\\s])(?:${names})=([^;,\\s]*)`).exec(text)?.[1];
}

/** Many services tell the reset with every answer: while there is quota left, it is no reason to wait. */
function hasQuota(remaining: string | undefined): boolean {
  return (numberIn(remaining) ?? 0) > 0;
}

function numberIn(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : null;
}
