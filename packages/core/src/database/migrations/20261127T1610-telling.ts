import { type Kysely, sql } from "kysely";

/**
 * Channels and rules, and what a job knows of its own failures. `failures_before`, `was_alerted` and
 * `usual_before` are what they were before the last ends: whoever writes those tells what has changed by them.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table jobs
      add column alert_threshold integer check (alert_threshold between 1 and 100),
      add column is_alerted boolean not null default false,
      add column was_alerted boolean not null default false,
      add column failures_before integer not null default 0,
      add column failing_since timestamptz,
      add column usual_ms double precision,
      add column usual_before double precision,
      add column muted_until timestamptz`.execute(db);
  await sql`alter table queues add column muted_until timestamptz`.execute(db);
  await sql`
    create table channels (
      id uuid primary key,
      scope_id integer not null references scopes (id),
      name text not null,
      type text not null,
      sealed bytea not null,
      muted_until timestamptz,
      disabled_at timestamptz,
      disabled_reason text,
      untold integer not null default 0,
      window_began_at timestamptz,
      window_count integer not null default 0,
      created_by text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      check ((disabled_at is null) = (disabled_reason is null))
    ) with (fillfactor = 50)`.execute(db);
  await sql`create index channels_by_scope on channels (scope_id, id)`.execute(db);
  await sql`
    create table rules (
      id uuid primary key,
      scope_id integer not null references scopes (id),
      channel_id uuid not null references channels (id) on delete cascade,
      job_id uuid,
      queue text,
      event text not null,
      threshold integer check (threshold between 1 and 100),
      seconds double precision check (seconds > 0),
      times double precision check (times > 0),
      created_by text not null,
      created_at timestamptz not null,
      check (job_id is null or queue is null)
    )`.execute(db);
  await sql`alter table scopes add column has_rules boolean not null default false`.execute(db);
  await sql`create index rules_by_scope on rules (scope_id, id)`.execute(db);
  await sql`create index rules_by_channel on rules (channel_id)`.execute(db);
  await sql`create index rules_by_job on rules (job_id) where job_id is not null`.execute(db);
  await sql`create index rules_of_all on rules (scope_id) where job_id is null`.execute(db);
  await sql`create index rules_on_overrun on rules (id) where event = 'on_overrun'`.execute(db);
  await sql`
    create table queue_alerts (
      scope_id integer not null references scopes (id),
      queue text not null,
      failures integer not null default 0,
      failing_since timestamptz,
      is_alerted boolean not null default false,
      primary key (scope_id, queue)
    ) with (fillfactor = 50)`.execute(db);
  await sql`
    alter table deliveries
      alter column execution_id drop not null,
      alter column job_id drop not null,
      alter column url drop not null,
      add column channel_id uuid,
      add column event text,
      add column about jsonb,
      add column gathers text,
      add column is_closed boolean not null default false,
      add column answer text,
      add constraint deliveries_to check ((url is null) = (channel_id is not null))`.execute(db);
  await sql`create index deliveries_by_channel on deliveries (channel_id, id) where channel_id is not null`.execute(
    db,
  );
  await sql`create index deliveries_of_none on deliveries (id) where execution_id is null`.execute(db);
  await sql`
    create unique index deliveries_gathering on deliveries (channel_id, gathers)
    where gathers is not null and status = 'pending' and not is_closed`.execute(db);
  // The channels that have been told that an execution has been running for too long.
  await sql`alter table executions add column overrun_told uuid[]`.execute(db);
}
