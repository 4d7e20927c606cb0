import { type RawBuilder, type Selectable, sql, type SqlBool } from "kysely";
import { MAX } from "uuid";
import type { Db, Tables, Tx } from "./tables.ts";

/**
 * Whose rows are meant, by who made them: an agent's key uses what is the workspace's, changes what it made itself, and does
 * not see what other agents made.
 */
export interface Makers {
  scopeId: number;
  /** Absent: whoever made them. */
  madeBy?: string;
  /** Those of whoever is no agent, too. */
  orWorkspace?: boolean;
}

/** One page of a scope's rows, newest first, with one row more than `limit` where there is a next page. */
export async function pageOf<Table extends "channels" | "secrets" | "signing_secrets">(
  db: Db | Tx,
  table: Table,
  { of, before = MAX, limit }: { of: Makers; before?: string | undefined; limit: number },
): Promise<Selectable<Tables[Table]>[]> {
  const { rows } = await sql<Selectable<Tables[Table]>>`
    select * from ${sql.table(table)} 
    where scope_id = ${of.scopeId} and id < ${before}::uuid and ${isOf(of, table)}
    order by id desc limit ${limit + 1}`.execute(db);
  return rows;
}

/** Whether a row of a table was made by one of those who are meant. */
export function isOf({ madeBy, orWorkspace = false }: Makers, table: string): RawBuilder<SqlBool> {
  if (madeBy === undefined) return sql`true`;
  const maker = sql.ref(`${table}.created_by`);
  const isShared = orWorkspace ? sql`or ${maker} not like 'agent:%'` : sql``;
  return sql`(${maker} = ${madeBy} ${isShared})`;
}
