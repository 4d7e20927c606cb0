import { NIL } from "uuid";
import { slotId } from "../ids.ts";
import { isOneShot, toSchedule } from "../jobs/job.ts";
import { MINUTE } from "../time/calendar.ts";
import { nextRun } from "../time/next-run.ts";
import type { Engine } from "./engine.ts";
import { findJobsToMend, findPlanned, type JobToMend, rearmJob } from "./mend-jobs.sql.ts";

const stretch = 1000;

/** Gives jobs the next run that they should have, a stretch of them at a time; answers where to go on. */
export async function mendJobs(engine: Engine, cursor: string): Promise<string> {
  const { database, clock } = engine;
  const found = await findJobsToMend(database.db, { cursor, limit: stretch }, clock.now());
  await mendUnarmed(
    engine,
    found.jobs.filter(({ next_run_at }) => next_run_at === null),
  );
  await mendSetBack(
    engine,
    found.jobs.filter(({ next_run_at }) => next_run_at !== null),
  );
  return found.cursor ?? NIL;
}

async function mendUnarmed({ database, log }: Engine, jobs: JobToMend[]): Promise<void> {
  for (const job of jobs) {
    const nextRunAt = runToArm(job);
    if (!(await rearmJob(database.db, job, nextRunAt))) continue;
    const what = nextRunAt ? "armed an active job that had no next run" : "ended a job that had no run left";
    log.warn({ job: job.id, nextRunAt }, what);
  }
}

function runToArm(job: JobToMend): Date | null {
  if (job.max_runs !== null && job.run_count >= job.max_runs) return null;
  // A single slot that never got its execution is still owed.
  const owed = isOneShot(job.kind) && job.run_count === 0;
  if (isOneShot(job.kind) && !owed) return null;
  const next = nextRun(toSchedule(job), owed ? job.run_at!.getTime() - 1 : job.now.getTime());
  return next === null ? null : new Date(next);
}

/**
 * A clock that was put back leaves slots between now and the next run. Those that were fired before, at the time that
 * was taken back, have their executions; the first of the others is the next run.
 */
async function mendSetBack({ database: { db }, log }: Engine, jobs: JobToMend[]): Promise<void> {
  const skipped = jobs
    .map((job) => ({ job, slots: slotsUntilNext(job) }))
    .filter(({ slots }) => slots.length > 0);
  if (skipped.length === 0) return;
  const planned = await findPlanned(
    db,
    skipped.flatMap(({ job, slots }) => slots.map((slot) => slotId(job.id, slot))),
  );
  for (const { job, slots } of skipped) {
    const nextRunAt = slots.find((slot) => !planned.has(slotId(job.id, slot)));
    if (!nextRunAt || !(await rearmJob(db, job, nextRunAt))) continue;
    log.warn(
      { job: job.id, nextRunAt },
      "armed a job anew: the clock was put back behind slots it has yet to fire",
    );
  }
}

/** A daily job's share; who fires every minute is looked at again before those have passed. */
const mostSlots = 100;

/** The slots between now and a job's next run; nearly always there are none. */
function slotsUntilNext(job: JobToMend): Date[] {
  const next = job.next_run_at!.getTime();
  const schedule = toSchedule(job);
  const slots: Date[] = [];
  let slot: number | null;
  if (schedule.kind === "recurring") {
    // Each is counted from the one before: those before the next run are found backwards.
    const step = schedule.everyMinutes * MINUTE;
    const first = next - Math.floor((next - job.now.getTime() - 1) / step) * step;
    slot = Math.max(first, schedule.startAt ?? -Infinity);
  } else slot = nextRun(schedule, job.now.getTime());
  while (slot !== null && slot < next && slots.length < mostSlots) {
    slots.push(new Date(slot));
    slot = nextRun(schedule, slot);
  }
  return slots;
}
