import { type Kysely, sql } from "kysely";

/** What jobs are looked for by: their name or its beginning, whatever its case, their number, and that they fail. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "create index jobs_by_name on jobs (scope_id, lower(name) text_pattern_ops, id) where deleted_at is null",
  "create unique index jobs_by_number on jobs (scope_id, number)",
  "create index jobs_failing on jobs (scope_id, id) where consecutive_failures > 0 and deleted_at is null",
];
