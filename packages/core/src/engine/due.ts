import type { Db } from "../database/tables.ts";
import { countDue } from "./plan.sql.ts";

/** How long the oldest slot or retry that is due has been waiting for a planner. */
export async function oldestDueSeconds(db: Db, at: Date): Promise<number> {
  return (await countDue(db, at)).oldestSeconds;
}
