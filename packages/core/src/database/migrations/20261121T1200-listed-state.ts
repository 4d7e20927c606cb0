import { type Kysely, sql } from "kysely";

/**
 * The states of jobs that people list, in an index that a settled execution does not touch: that a job's last run is
 * over changes neither its next run nor what somebody set.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "drop index jobs_by_state",
  `alter table jobs add column listed_state text generated always as (
    case when next_run_at is not null then 'active' when state in ('draft', 'paused', 'canceled') then state end) stored`,
  `create index jobs_by_state on jobs (scope_id, listed_state, id)
    where deleted_at is null and listed_state is not null`,
];
