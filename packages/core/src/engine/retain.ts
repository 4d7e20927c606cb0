import { NIL } from "uuid";
import { readNow } from "../database/now.ts";
import { kept } from "../kept.ts";
import { firstIdAt } from "../ids.ts";
import { DAY, HOUR } from "../time/calendar.ts";
import { sealAudit } from "../audit/seal.ts";
import { findPrunable, markPruned, pruneEntries } from "../audit/seals.sql.ts";
import type { Engine } from "./engine.ts";
import {
  deleteOldAnswers,
  deleteOldApprovals,
  deleteOldCounters,
  deleteOldDeadLetters,
  deleteOldExecutions,
  deleteOldJobs,
  deleteOldMessages,
  deleteOldReplays,
  deletePurged,
} from "./retain.sql.ts";

/** Small enough that a step takes milliseconds and holds nobody up. */
const stepSize = 500;
const betweenStepsMs = 50;
const betweenPassesMs = 5000;
/** What was held by somebody, or not over yet, when the walk came by is looked at again this often. */
const betweenWalksMs = HOUR;

/** How far retention has walked through the tables, so that it need not read what it keeps at every step. */
export interface Retaining {
  executions: string;
  jobs: string;
  begunAt: number;
}

export function startRetaining(): Retaining {
  return { executions: NIL, jobs: NIL, begunAt: -Infinity };
}

/** One small step of retention: takes away a little of what is older than is kept. Answers when to take the next. */
export async function retain(engine: Engine, walk: Retaining): Promise<number> {
  const { db } = engine.database;
  const now = await readNow(db, engine.clock.now());
  if (now.getTime() - walk.begunAt >= betweenWalksMs) {
    Object.assign(walk, startRetaining(), { begunAt: now.getTime() });
  }
  const cutoff = new Date(now.getTime() - engine.retentionDays * DAY);
  const cutoffId = firstIdAt(cutoff);
  const deadCutoffId = firstIdAt(new Date(now.getTime() - engine.deadLetterDays * DAY));

  const executions = await deleteOldExecutions(db, { afterId: walk.executions, cutoffId }, stepSize);
  const deadLetters = await deleteOldDeadLetters(db, deadCutoffId, stepSize);
  const jobs = await deleteOldJobs(db, { afterId: walk.jobs, cutoff, cutoffId }, stepSize);
  const audit = await pruneAudit(db, new Date(now.getTime() - auditDays(engine) * DAY));
  const answers = await deleteOldAnswers(db, new Date(now.getTime() - kept.answersMs), stepSize);
  const messages = await deleteOldMessages(db, cutoffId, stepSize);
  const purged = await deletePurged(db, stepSize);
  await deleteOldReplays(db, cutoffId, stepSize);
  const counters = await deleteOldCounters(db, now, stepSize);
  await deleteOldApprovals(db, cutoff, stepSize);
  const unsealed = await sealAudit(db, now);

  walk.executions = executions.lastId ?? walk.executions;
  walk.jobs = jobs.lastId ?? walk.jobs;
  const walksOn = executions.lastId !== undefined || jobs.lastId !== undefined;
  const more =
    walksOn || [deadLetters, audit, answers, messages, counters].includes(stepSize) || purged > 0 || unsealed;
  return more ? betweenStepsMs : betweenPassesMs;
}

function auditDays({ retentionDays }: Engine): number {
  return Math.max(kept.auditDays, retentionDays);
}

/** Takes old entries of the audit away, the whole of a seal before the next one. Answers how many went. */
async function pruneAudit(db: Engine["database"]["db"], cutoff: Date): Promise<number> {
  const seal = await findPrunable(db, cutoff);
  if (!seal) return 0;
  const pruned = await pruneEntries(db, { from: seal.from_at, to: seal.to_at }, stepSize);
  if (pruned < stepSize) await markPruned(db, seal.number);
  return pruned;
}
