import { type Kysely, sql } from "kysely";

/** What keys may not go beyond, which key made a job, and which execution made a job or a run. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table tokens
      add column fires_on date,
      add column fires integer not null default 0,
      add column jobs_counted integer not null default 0`.execute(db);
  await sql`
    alter table jobs
      add column token_id uuid,
      add column is_bounded boolean not null default false,
      add column ends_by_bound boolean not null default false,
      add column parent_execution_id uuid,
      add column depth integer not null default 0`.execute(db);
  await sql`
    create index jobs_by_token on jobs (token_id, id)
    where token_id is not null and deleted_at is null and state in ('draft', 'active', 'paused')`.execute(db);
  await sql`create index jobs_by_parent on jobs (parent_execution_id) where parent_execution_id is not null`.execute(
    db,
  );
  await sql`
    alter table executions
      add column parent_execution_id uuid,
      add column depth integer`.execute(db);
  await sql`
    create index executions_by_parent on executions (parent_execution_id)
    where parent_execution_id is not null`.execute(db);
}
