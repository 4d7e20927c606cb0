import { type Insertable, sql } from "kysely";
import type { Audit, Db, Tx } from "../database/tables.ts";

type NewRow = Omit<Insertable<Audit>, "outcome" | "error_code" | "times">;

export async function insertDone(tx: Tx, row: NewRow): Promise<void> {
  await tx.insertInto("audit").values(row).execute();
}

/** Counts one more where the row is there already; its target stays while all of them had the same. */
export async function upsertFailure(
  db: Db,
  row: NewRow & Pick<Insertable<Audit>, "outcome" | "error_code">,
): Promise<void> {
  await db
    .insertInto("audit")
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(["scope_id", "id"]).doUpdateSet({
        times: sql`audit.times + 1`,
        target: sql`case when audit.target = excluded.target then audit.target end`,
      }),
    )
    .execute();
}
