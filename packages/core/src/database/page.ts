import { type Selectable, sql } from "kysely";
import { MAX } from "uuid";
import type { Db, Tables, Tx } from "./tables.ts";

/** One page of a scope's rows, newest first, with one row more than `limit` where there is a next page. */
export async function pageOf<Table extends "channels" | "secrets" | "signing_secrets">(
  db: Db | Tx,
  table: Table,
  { scopeId, before = MAX, limit }: { scopeId: number; before?: string | undefined; limit: number },
): Promise<Selectable<Tables[Table]>[]> {
  const { rows } = await sql<Selectable<Tables[Table]>>`
    select * from ${sql.table(table)} where scope_id = ${scopeId} and id < ${before}::uuid
    order by id desc limit ${limit + 1}`.execute(db);
  return rows;
}
