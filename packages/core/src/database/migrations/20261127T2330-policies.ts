import { type Kysely, sql } from "kysely";

/** A workspace's policy on calls, what it counts, and the calls that somebody has to approve. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table policies (
      workspace_id uuid primary key references workspaces (id),
      version integer not null,
      text text not null,
      updated_by text not null,
      updated_at timestamptz not null
    )`.execute(db);
  await sql`alter table workspaces add column policy_version integer not null default 0`.execute(db);
  await sql`
    create table policy_counters (
      scope_id integer not null references scopes (id),
      key text not null,
      value double precision not null,
      expires_at timestamptz not null,
      primary key (scope_id, key)
    ) with (fillfactor = 50)`.execute(db);
  await sql`create index policy_counters_by_end on policy_counters (expires_at)`.execute(db);
  await sql`
    create table approvals (
      id uuid primary key,
      scope_id integer not null references scopes (id),
      who text not null,
      caller text not null,
      tool text not null,
      operation text not null,
      rule text not null,
      reason text,
      fingerprint bytea not null,
      arguments jsonb not null,
      status text not null check (status in ('pending', 'approved', 'rejected', 'used')),
      comment text,
      decided_by text,
      decided_at timestamptz,
      expires_at timestamptz not null,
      created_at timestamptz not null,
      check ((status = 'pending') = (decided_at is null))
    )`.execute(db);
  await sql`create index approvals_by_scope on approvals (scope_id, id)`.execute(db);
  await sql`create index approvals_by_end on approvals (expires_at)`.execute(db);
  // A call that is asked about is asked about once.
  await sql`
    create unique index approvals_open on approvals (scope_id, fingerprint)
    where status in ('pending', 'approved', 'rejected')`.execute(db);
}
