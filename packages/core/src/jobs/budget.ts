import { beyond } from "../access/bounds.ts";
import { findNewest } from "../executions/executions.sql.ts";
import type { WriteContext } from "../operations/context.ts";
import { DAY, SECOND } from "../time/calendar.ts";
import { countJobsOfKey, recountJobs, takeFire, usedBy } from "./bounds.sql.ts";
import type { JobRow } from "./jobs.sql.ts";
import { assertRequest } from "./within-bounds.ts";

/** Counts jobs that have been stored for the key that made them. Throws `bound_exceeded` where they are too many. */
export async function countNewJobs({ tx, caller }: WriteContext, more: number): Promise<void> {
  const { bounds, tokenId } = caller;
  const most = bounds?.max_jobs;
  if (most === undefined || tokenId === null || more === 0) return;
  if (await countJobsOfKey(tx, { tokenId, most, more })) return;
  // Some may have come to their end since they were counted.
  const jobs = await recountJobs(tx, tokenId);
  if (jobs <= most) return;
  throw beyond("max_jobs", bounds!, {
    detail: `This key has ${jobs - more} jobs that are not over`,
    wanted: "Delete some with delete_job first: list_jobs shows them.",
  });
}

/** Throws `bound_exceeded` where a key may fire no more of jobs that are due now. */
export async function assertFires({ tx, caller, now }: WriteContext, dueNow: number): Promise<void> {
  const { bounds, tokenId } = caller;
  const most = bounds?.max_fires_per_day;
  if (most === undefined || tokenId === null || dueNow === 0) return;
  const { fires } = await usedBy(tx, tokenId, now);
  if (fires + dueNow > most) throw noMoreToday(fires, { caller, now });
}

/** Throws `bound_exceeded` where a key may not let a job run, or not now. Counts the run. */
export async function takeRun(context: WriteContext, job: JobRow, dueAt: Date): Promise<void> {
  const { tx, caller, now } = context;
  const { bounds, tokenId } = caller;
  if (!bounds) return;
  assertRequest(bounds, job);
  const { min_interval_seconds: least, max_fires_per_day: most } = bounds;
  if (least !== undefined) {
    const newest = await findNewest(tx, { scopeId: job.scope_id, id: job.id });
    const soonest = newest === undefined ? 0 : newest.scheduled_for.getTime() + least * SECOND;
    if (dueAt.getTime() < soonest) {
      const seconds = Math.ceil((soonest - dueAt.getTime()) / SECOND);
      throw beyond("min_interval_seconds", bounds, {
        detail: `The job ran, or runs, at ${newest!.scheduled_for.toISOString()}`,
        wanted: `Wait ${seconds} s, or give delay_seconds.`,
        retryAfterSeconds: seconds,
      });
    }
  }
  if (most === undefined || tokenId === null) return;
  if (!(await takeFire(tx, { tokenId, most }, now))) throw noMoreToday(most, { caller, now });
}

function noMoreToday(used: number, { caller: { bounds }, now }: Pick<WriteContext, "caller" | "now">) {
  const seconds = Math.ceil((DAY - (now.getTime() % DAY)) / SECOND);
  return beyond("max_fires_per_day", bounds!, {
    detail: `Jobs of this key have fired ${used} times today (UTC)`,
    wanted: `Wait until midnight UTC, ${seconds} s from now.`,
    retryAfterSeconds: seconds,
  });
}
