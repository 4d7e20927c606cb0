import { type Insertable, type RawBuilder, sql } from "kysely";
import type { Audit, Db, Tx } from "../database/tables.ts";

type NewRow = Omit<Insertable<Audit>, "outcome" | "error_code" | "times">;

export async function insertDone(tx: Tx, row: NewRow): Promise<void> {
  await tx.insertInto("audit").values(row).execute();
}

/** Counts one more where the row is there already; what was not the same of all of them is none of them's. */
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
        target: same("target"),
        arguments_hash: same("arguments_hash"),
        request_id: same("request_id"),
        face: same("face"),
        tool: same("tool"),
      }),
    )
    .execute();
}

function same(column: string): RawBuilder<never> {
  const [before, now] = [sql.ref(`audit.${column}`), sql.ref(`excluded.${column}`)];
  return sql`case when ${before} = ${now} then ${before} end`;
}
