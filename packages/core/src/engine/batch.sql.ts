import { type RawBuilder, sql } from "kysely";

/** The instant that counts: the one given, or the database's. */
export function instant(at: Date | null): RawBuilder<Date> {
  return sql<Date>`coalesce(${at}::timestamptz, now())`;
}

/** A batch as one parameter, however many rows it has. */
export function rowsOf(rows: unknown[]): RawBuilder<unknown> {
  return sql`${JSON.stringify(rows)}::json`;
}
