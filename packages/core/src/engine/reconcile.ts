import { NIL } from "uuid";
import { lostAfterMs } from "../database/lost.ts";
import { isOneShot, toSchedule } from "../jobs/job.ts";
import { nextRun } from "../time/next-run.ts";
import type { Engine } from "./engine.ts";
import { countRunningInDefault, findExpiredInLanes } from "./lanes.sql.ts";
import { endWaiting } from "./start.sql.ts";
import {
  anyWorkerLost,
  findUnarmedJobs,
  forgetLostWorkers,
  mendUnarmedJob,
  takeBackFromLostWorkers,
  takeBackStrays,
  type UnarmedJob,
} from "./reconcile.sql.ts";

const pauseMs = 5000;

/** What the passes of one worker's reconciler know of each other, and of the worker. */
export interface Reconciling {
  workerId: string;
  /** The executions that the worker has in hand. */
  held: () => string[];
  /** Where the look for unarmed jobs goes on. */
  cursor: string;
  strayPasses: number;
}

export function startReconciling(worker: Pick<Reconciling, "workerId" | "held">): Reconciling {
  return { ...worker, cursor: NIL, strayPasses: 0 };
}

/** How often a worker looks for executions that run in its name without its knowing, in passes. */
const strayEvery = 6;
/** Longer than any statement of the road may take. */
const strayAfterMs = 30_000;

/** Mends what a dead worker, a killed process or a bug left behind, and says so. Answers when to look again. */
export async function reconcile(engine: Engine, state: Reconciling): Promise<number> {
  const { database, clock, log } = engine;
  const { db } = database;
  if (await anyWorkerLost(db, lostAfterMs)) {
    const taken = await takeBackFromLostWorkers(db, lostAfterMs, clock.now());
    if (taken > 0) {
      log.warn({ executions: taken }, "took executions back from a lost worker");
      return 0;
    }
    await forgetLostWorkers(db, lostAfterMs);
  }
  if (++state.strayPasses % strayEvery === 0) {
    const { workerId, held } = state;
    const strays = await takeBackStrays(db, { workerId, held: held(), afterMs: strayAfterMs }, clock.now());
    if (strays > 0) log.warn({ executions: strays }, "took back executions whose claim was never answered");
  }
  await countRunningInDefault(db);
  if (await endExpiredInLanes(engine)) return 0;
  await mendUnarmedJobs(engine, state);
  return pauseMs;
}

const stretch = 1000;

/** Where nobody has a turn, nobody sees that somebody's time has run out. Answers whether there may be more. */
async function endExpiredInLanes({ database: { db }, clock }: Engine): Promise<boolean> {
  const ids = await findExpiredInLanes(db, stretch, clock.now());
  if (ids.length > 0)
    await db.transaction().execute((tx) => endWaiting(tx, { ids, fate: "expired" }, clock.now()));
  return ids.length === stretch;
}

async function mendUnarmedJobs({ database: { db }, clock, log }: Engine, state: Reconciling): Promise<void> {
  const { jobs, cursor } = await findUnarmedJobs(db, { cursor: state.cursor, limit: stretch }, clock.now());
  state.cursor = cursor ?? NIL;
  for (const job of jobs) {
    const nextRunAt = runToArm(job);
    if (!(await mendUnarmedJob(db, job, nextRunAt))) continue;
    const what = nextRunAt ? "armed an active job that had no next run" : "ended a job that had no run left";
    log.warn({ job: job.id, nextRunAt }, what);
  }
}

function runToArm(job: UnarmedJob): Date | null {
  if (job.max_runs !== null && job.run_count >= job.max_runs) return null;
  // A single slot that never got its execution is still owed.
  const owed = isOneShot(job.kind) && job.run_count === 0;
  if (isOneShot(job.kind) && !owed) return null;
  const next = nextRun(toSchedule(job), owed ? job.run_at!.getTime() - 1 : job.now.getTime());
  return next === null ? null : new Date(next);
}
