import { type Kysely, sql } from "kysely";

/** More of each call in the audit, and seals over it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table audit
      add column face text,
      add column tool text,
      add column rule text,
      add column arguments_hash bytea,
      add column request_id text`.execute(db);
  await sql`
    create table audit_seals (
      number integer primary key,
      from_at timestamptz not null,
      to_at timestamptz not null,
      entries integer not null,
      entries_hash bytea not null,
      previous_hash bytea not null,
      hash bytea not null,
      sealed_at timestamptz not null,
      is_pruned boolean not null default false,
      check (from_at < to_at)
    )`.execute(db);
}
