import { sql } from "kysely";
import type { Db, Tx } from "./tables.ts";

/** What time it is: `at` where a clock of tests gives one, the database's own time otherwise. */
export async function readNow(db: Db | Tx, at: Date | null): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select coalesce(${at}::timestamptz, now()) as now`.execute(db);
  return rows[0]!.now;
}
