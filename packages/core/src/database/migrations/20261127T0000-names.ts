import { type Kysely, sql } from "kysely";

/** Names that say what they name: a queue has a line, and what is open counts for a queue or keeps others of its job back. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "alter table executions rename column lane_at to line_at",
  "alter index executions_in_lane rename to executions_in_line",
  "alter index executions_in_lane_expire rename to executions_in_line_expire",
  "alter table queues rename column laned to has_line",
  "alter table open_executions rename column job_id to guards_job_id",
  "alter table open_executions rename column queue to counts_in",
];
