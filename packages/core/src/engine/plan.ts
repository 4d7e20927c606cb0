import { newId } from "../ids.ts";
import { toSchedule } from "../jobs/job.ts";
import { type MissedSlots, slotsBetween } from "../time/catch-up.ts";
import { nextRun } from "../time/next-run.ts";
import type { Engine } from "./engine.ts";
import {
  claimDueExecutions,
  claimDueJobs,
  type DueJob,
  type PlannedExecution,
  type PlannedJob,
  recordPlan,
} from "./engine.sql.ts";

/** How many jobs, and how many waiting executions, one pass takes at the most. */
const batchSize = 1000;

/**
 * One pass of the planner: claims what is due, writes its executions, moves the jobs on and puts tickets in, all
 * in one transaction. Answers how many tickets it put in, and whether there may be more to claim at once.
 */
export async function plan(engine: Engine): Promise<{ tickets: number; more: boolean }> {
  const at = engine.clock.now();
  return engine.database.db.transaction().execute(async (tx) => {
    const jobs = await claimDueJobs(tx, at, batchSize);
    const planned = jobs.map(planJob);
    const fromJobs =
      jobs.length === 0
        ? []
        : await recordPlan(
            tx,
            planned.map(({ job }) => job),
            planned.flatMap(({ executions }) => executions),
            at,
          );
    const waiting = await claimDueExecutions(tx, at, batchSize);
    const tickets = [...fromJobs, ...waiting];
    await engine.queue.put(tx, tickets);
    return { tickets: tickets.length, more: jobs.length === batchSize || waiting.length === batchSize };
  });
}

/** Missed slots older than this are not made up for. */
const catchUpWindowMs = 24 * 60 * 60 * 1000;

/**
 * What is to be done for a job that is due: of the slots that passed while nobody planned, the latest fires and
 * one row stands for all the others.
 */
export function planJob(due: DueJob): { job: PlannedJob; executions: PlannedExecution[] } {
  const schedule = toSchedule(due);
  const now = due.now.getTime();
  const first = due.next_run_at.getTime();
  const second = nextRun(schedule, first);
  // Nearly always nothing was missed, and then one computation is enough.
  const later = second === null || second > now ? noneMissed : slotsBetween(schedule, first, now, 1);
  const latest = later.slots.at(-1) ?? first;
  const next = later === noneMissed ? second : nextRun(schedule, latest);
  const exhausted = due.max_runs !== null && due.run_count + 1 >= due.max_runs;
  const row = { scope_id: due.scope_id, job_id: due.id, revision_id: due.revision_id };
  const executions: PlannedExecution[] = [];
  const tooOld = later.total > 0 && now - latest > catchUpWindowMs;
  const missed = tooOld ? later.total + 1 : later.total;
  if (missed > 0) {
    const slot = new Date(first);
    const error = missedMessage(missed, later.more);
    executions.push({ ...row, id: newId(due.now), slot, status: "skipped", reason: "missed", error });
  }
  if (!tooOld) {
    executions.push({
      ...row,
      id: newId(due.now),
      slot: new Date(latest),
      status: "pending",
      reason: null,
      error: null,
    });
  }
  const nextRunAt = next === null || exhausted ? null : new Date(next);
  return {
    job: { scope_id: due.scope_id, job_id: due.id, next_run_at: nextRunAt, runs: tooOld ? 0 : 1 },
    executions,
  };
}

const noneMissed: MissedSlots = { slots: [], total: 0, more: false };

function missedMessage(count: number, more: boolean): string {
  const slots = count === 1 ? "1 slot" : `${count}${more ? " or more" : ""} slots`;
  return `${slots} passed while no worker was planning; only the latest is made up for.`;
}
