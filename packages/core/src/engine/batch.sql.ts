import { type RawBuilder, sql } from "kysely";

/** The instant that counts: the one given, or the database's. */
export function instant(at: Date | null): RawBuilder<Date> {
  return sql<Date>`coalesce(${at}::timestamptz, now())`;
}

/** The same, but the very moment rather than the start of the transaction. */
export function clock(at: Date | null): RawBuilder<Date> {
  return sql<Date>`coalesce(${at}::timestamptz, clock_timestamp())`;
}

/** A batch as one parameter, however many rows it has. */
export function rowsOf(rows: unknown[]): RawBuilder<unknown> {
  return sql`${JSON.stringify(rows)}::json`;
}
