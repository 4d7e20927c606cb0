import { type Kysely, sql } from "kysely";

/** What outgoing requests are signed with. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "alter table scopes add column signing_version integer not null default 0",
  `create table signing_secrets (
    id uuid primary key,
    scope_id integer not null references scopes,
    sealed bytea not null,
    created_by text not null,
    created_at timestamptz not null
  )`,
  "create index signing_secrets_by_scope on signing_secrets (scope_id, id)",
];
