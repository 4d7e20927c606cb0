import { type Kysely, sql } from "kysely";

/** Who deleted a job, and whether its history is to go with it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table jobs add column deleted_by text, add column is_purged boolean not null default false`.execute(
    db,
  );
  await sql`create index jobs_purged on jobs (id) where is_purged`.execute(db);
}
