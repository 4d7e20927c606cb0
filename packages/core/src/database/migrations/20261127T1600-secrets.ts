import { type Kysely, sql } from "kysely";

/**
 * Secrets, and where requests name them. Headers that carry credentials are sealed by job, and `headers` shows a mask for
 * each. What is in double braces is replaced in jobs that are made from now on.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table secrets (
      id uuid primary key,
      scope_id integer not null references scopes (id),
      name text not null,
      sealed bytea not null,
      created_by text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      unique (scope_id, name)
    )`.execute(db);
  await sql`create index secrets_by_scope on secrets (scope_id, id)`.execute(db);
  await sql`alter table scopes add column secrets_version integer not null default 0`.execute(db);
  await sql`
    alter table revisions
      add column sealed_headers bytea,
      add column secrets text[],
      add column fills_templates boolean not null default false`.execute(db);
  await sql`create index revisions_by_secret on revisions using gin (secrets) where secrets is not null`.execute(
    db,
  );
}
