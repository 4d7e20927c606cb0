import { type Bounds, usualLifetimeDays } from "@org/scheduler-contract";
import { beyond } from "../access/bounds.ts";
import type { Caller } from "../access/caller.ts";
import { hostMatches } from "../access/hosts.ts";
import { DAY, SECOND } from "../time/calendar.ts";
import { keepsDistance } from "../time/spacing.ts";
import { isOneShot, toSchedule } from "./job.ts";
import type { JobRow } from "./jobs.sql.ts";
import type { Wanted } from "./wanted.ts";

interface Given {
  caller: Caller;
  now: Date;
}

/** A job as its caller wants it, as far as the caller's key may have it so. Throws `bound_exceeded`. */
export function withinBounds(
  { caller: { bounds }, now }: Given,
  row: Wanted,
  { saysEnd }: { saysEnd: boolean },
): Wanted {
  const said = saysEnd ? { ...row, ends_by_bound: false } : row;
  if (!bounds) return said;
  assertRequest(bounds, said);
  const least = bounds.min_interval_seconds;
  if (least !== undefined && !keepsDistance(toSchedule(said), least * SECOND, now.getTime())) {
    throw beyond("min_interval_seconds", bounds, {
      detail: "The job would run more often than this key may let it",
      field: said.cron === null ? "every_n_minutes" : "cron",
      wanted: `Let it run less often, such as ${least <= 3600 ? '{"cron": "0 * * * *"}' : '{"cron": "0 9 * * *"}'}.`,
    });
  }
  return endingInTime(bounds, said, now);
}

/** Throws `bound_exceeded` where a key may not have a request sent: its host, its method, its secrets. */
export function assertRequest(
  bounds: Bounds,
  row: Pick<JobRow, "host" | "method" | "secrets" | "message" | "callback_url" | "follow_redirects">,
): void {
  // Where an agent's messages go, its owner says.
  const isMessage = row.message !== null;
  const { hosts, methods, secrets } = bounds;
  if (hosts) {
    const wanted = `Give a URL of ${hosts.join(", ")}.`;
    const calls: [field: string, host: string][] = [
      ...(isMessage ? [] : [["url", row.host] as [string, string]]),
      ...(row.callback_url === null
        ? []
        : [["callback_url", new URL(row.callback_url).host] as [string, string]]),
    ];
    for (const [field, host] of calls) {
      if (hosts.some((pattern) => hostMatches(pattern, host.toLowerCase()))) continue;
      throw beyond("hosts", bounds, { detail: `This key may not call ${host}`, field, wanted });
    }
    if (row.follow_redirects) {
      throw beyond("hosts", bounds, {
        detail: "A redirect could lead to any host",
        field: "follow_redirects",
        wanted: "Leave follow_redirects out.",
      });
    }
  }
  if (methods && !isMessage && !methods.some((method) => method === row.method)) {
    throw beyond("methods", bounds, {
      detail: `This key may not send ${row.method}`,
      field: "method",
      wanted: `Give one of ${methods.join(", ")} as method.`,
    });
  }
  const secret = secrets && row.secrets?.find((name) => !secrets.includes(name));
  if (secret !== undefined) {
    throw beyond("secrets", bounds, {
      detail: `This key may not use the secret ${secret}`,
      field: "headers",
      wanted: secrets!.length === 0 ? "Name no secret." : `Name only ${secrets!.join(", ")}.`,
    });
  }
}

/** What recurs comes to an end: by the caller's own word, or because the key says so. Each change puts that end off. */
function endingInTime(bounds: Bounds, row: Wanted, now: Date): Wanted {
  if (isOneShot(row.kind) || row.max_runs !== null) return row;
  const days = bounds.max_lifetime_days ?? usualLifetimeDays;
  const latest = new Date(now.getTime() + days * DAY);
  if (row.end_at === null || row.ends_by_bound) return { ...row, end_at: latest, ends_by_bound: true };
  if (row.end_at <= latest) return row;
  throw beyond(
    "max_lifetime_days",
    { ...bounds, max_lifetime_days: days },
    {
      detail: "A recurring job of this key ends sooner",
      field: "end_at",
      wanted: `Give an end_at up to ${latest.toISOString()}, or max_runs, or neither: each update_job then puts its end off.`,
    },
  );
}

/** What a bounded key is told of the end that its job was given. */
export function notesOnEnd({ bounds }: Caller, { ends_by_bound, end_at }: JobRow): string[] {
  if (!bounds || !ends_by_bound || end_at === null) return [];
  const days = bounds.max_lifetime_days ?? usualLifetimeDays;
  return [
    `It ends at ${end_at.toISOString()}, since recurring jobs of this key live for ${days} days: any update_job puts that off again.`,
  ];
}
