import { readNow } from "../database/now.ts";
import { firstIdAt } from "../ids.ts";
import type { Engine } from "./engine.ts";
import { deleteOldAudit, deleteOldExecutions, deleteOldJobs } from "./retain.sql.ts";

/** Small enough that a step takes milliseconds and holds nobody up. */
const stepSize = 500;
const betweenStepsMs = 50;
const betweenPassesMs = 5000;
const dayMs = 24 * 60 * 60 * 1000;

/** One small step of retention: takes away a little of what is older than is kept. Answers when to take the next. */
export async function retain({ database: { db }, clock, retentionDays }: Engine): Promise<number> {
  const now = await readNow(db, clock.now());
  const cutoff = new Date(now.getTime() - retentionDays * dayMs);
  const cutoffId = firstIdAt(cutoff);
  const gone = [
    await deleteOldExecutions(db, cutoffId, stepSize),
    await deleteOldJobs(db, { cutoff, cutoffId }, stepSize),
    await deleteOldAudit(db, cutoffId, stepSize),
  ];
  return gone.some((count) => count === stepSize) ? betweenStepsMs : betweenPassesMs;
}
