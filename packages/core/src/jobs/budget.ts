import { beyond } from "../access/bounds.ts";
import { findNewest } from "../executions/executions.sql.ts";
import type { WriteContext } from "../operations/context.ts";
import { DAY, SECOND } from "../time/calendar.ts";
import { lockKey, takeFire, usedBy } from "./bounds.sql.ts";
import type { JobRow } from "./jobs.sql.ts";
import { assertRequest } from "./within-bounds.ts";

/** Throws `bound_exceeded` where a key may not have so many jobs more, or may fire no more of those that are due now. */
export async function assertRoomForJobs(
  { tx, caller, now }: WriteContext,
  { jobs, dueNow }: { jobs: number; dueNow: number },
): Promise<void> {
  const { bounds, tokenId } = caller;
  const { max_jobs: mostJobs, max_fires_per_day: mostFires } = bounds ?? {};
  if (!bounds || tokenId === null || (mostJobs === undefined && mostFires === undefined)) return;
  await lockKey(tx, tokenId);
  const used = await usedBy(tx, tokenId, now);
  if (mostJobs !== undefined && used.jobs + jobs > mostJobs) {
    throw beyond("max_jobs", bounds, {
      detail: `This key has ${used.jobs} jobs that are not over`,
      wanted: "Delete some with delete_job first: list_jobs shows them.",
    });
  }
  if (mostFires !== undefined && dueNow > 0 && used.fires + dueNow > mostFires)
    throw noMoreToday(used.fires, { caller, now });
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
