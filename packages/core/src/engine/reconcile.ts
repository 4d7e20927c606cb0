import { isOneShot, toSchedule } from "../jobs/job.ts";
import { nextRun } from "../time/next-run.ts";
import type { Engine } from "./engine.ts";
import {
  findUnarmedJobs,
  forgetLostWorkers,
  mendUnarmedJob,
  takeBackFromLostWorkers,
  type UnarmedJob,
} from "./engine.sql.ts";

const pauseMs = 5000;

/** A worker that has not beaten for this long is taken for dead: five missed beats. */
export const lostAfterMs = 15_000;

/** Mends what a dead worker, a killed process or a bug left behind, and says so. */
export async function reconcile(engine: Engine): Promise<number> {
  const { db } = engine.database;
  const takenBack = await takeBackFromLostWorkers(db, lostAfterMs, engine.clock.now());
  if (takenBack > 0) engine.log.warn({ executions: takenBack }, "took executions back from a lost worker");
  await forgetLostWorkers(db);
  await mendUnarmedJobs(engine);
  return pauseMs;
}

async function mendUnarmedJobs({ database: { db }, clock, log }: Engine): Promise<void> {
  for (const job of await findUnarmedJobs(db, clock.now())) {
    const nextRunAt = runToArm(job);
    if (!(await mendUnarmedJob(db, job, nextRunAt))) continue;
    log.warn(
      { job: job.id, nextRunAt },
      nextRunAt ? "armed an active job that had no next run" : "ended a job that had no run left",
    );
  }
}

function runToArm(job: UnarmedJob): Date | null {
  if (job.max_runs !== null && job.run_count >= job.max_runs) return null;
  // A single slot that never got its execution is still owed.
  if (isOneShot(job.kind)) return job.run_count === 0 ? job.run_at : null;
  const next = nextRun(toSchedule(job), job.now.getTime());
  return next === null ? null : new Date(next);
}
