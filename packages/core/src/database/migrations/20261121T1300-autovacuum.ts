import { type Kysely, sql } from "kysely";

/**
 * Vacuum by what has changed rather than by a fifth of the table: a fifth of a history of years is millions of rows,
 * and a table that is nearly empty most of the time is searched past all its dead rows until somebody cleans up.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `alter table open_executions set
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`,
  `alter table jobs set
    (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0.02)`,
  `alter table executions set
    (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.02)`,
];
