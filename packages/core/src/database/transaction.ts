import type { Db, Tx } from "./tables.ts";

type Work<Answer> = (tx: Tx) => Promise<Answer>;

/** Does something in one transaction. */
export function committed<Answer>(db: Db, work: Work<Answer>): Promise<Answer> {
  return db.transaction().execute(work);
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
