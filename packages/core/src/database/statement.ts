import { CompiledQuery } from "kysely";
import type { Db, Tx } from "./tables.ts";

/**
 * A statement of the road of a fire, with its values as $1, $2 and so on. It is compiled never and, by its name,
 * prepared once on each connection: planning it anew takes PostgreSQL as long as running it for a few rows.
 */
export function statement<Row>(
  name: string,
  text: string,
): (db: Db | Tx, values: unknown[]) => Promise<Row[]> {
  const sql = `/* ${name} */ ${text}`;
  return async (db, values) => (await db.executeQuery<Row>(CompiledQuery.raw(sql, values))).rows;
}

/** The name that a statement is prepared by; none for all others. */
export function preparedName(sql: string): string | undefined {
  return /^\/\* (\w+) \*\//.exec(sql)?.[1];
}
