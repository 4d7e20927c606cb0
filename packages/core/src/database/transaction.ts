import { setTimeout as sleep } from "node:timers/promises";
import type { Db, Tx } from "./tables.ts";

type Work<Answer> = (tx: Tx) => Promise<Answer>;

const attempts = 5;
const longestPauseMs = 50;

/**
 * Does something in one transaction. Where PostgreSQL breaks it off so that another can go on, nothing of it has
 * happened, and it is done anew.
 */
export async function committed<Answer>(db: Db, work: Work<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (attempt === attempts || !isBrokenOff(error)) throw error;
      await sleep(Math.random() * longestPauseMs);
    }
  }
}

/** A deadlock, or a serialization failure. */
function isBrokenOff(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "40P01" || code === "40001";
}

/** Does something in one transaction, and undoes it when it has been answered. */
export async function rolledBack<Answer>(db: Db, work: Work<Answer>): Promise<Answer> {
  const done = new Error("to be rolled back");
  let answer: Answer;
  try {
    return await committed(db, async (tx) => {
      answer = await work(tx);
      throw done;
    });
  } catch (error) {
    if (error !== done) throw error;
    return answer!;
  }
}
