import { type Kysely, sql } from "kysely";

/** What requests with an idempotency key were answered with, what jobs with a key were declared as, and deleted keys. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table idempotency_keys (
    scope_id integer not null references scopes (id),
    key text not null,
    operation text not null,
    fingerprint text not null,
    answer json not null,
    created_at timestamptz not null,
    primary key (scope_id, key)
  )`,
  "create index idempotency_keys_by_age on idempotency_keys (created_at)",
  "alter table jobs add column declared jsonb",
  // The key's own memory: it stays when retention has taken the job away.
  `create table deleted_keys (
    scope_id integer not null references scopes (id),
    key text not null,
    job_id uuid not null,
    deleted_by text not null,
    deleted_at timestamptz not null,
    primary key (scope_id, key)
  )`,
];
