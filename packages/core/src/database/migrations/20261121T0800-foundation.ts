import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table scheduler.workspaces (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null default now()
  )`,
  `create table scheduler.scopes (
    id integer generated always as identity primary key,
    workspace_id uuid not null references scheduler.workspaces,
    mode text not null check (mode in ('live', 'test')),
    unique (workspace_id, mode)
  )`,
  `create table scheduler.users (
    id uuid primary key,
    workspace_id uuid not null references scheduler.workspaces,
    email text not null unique,
    password_hash text not null,
    created_at timestamptz not null default now()
  )`,
  `create table scheduler.tokens (
    id uuid primary key,
    scope_id integer not null references scheduler.scopes,
    user_id uuid references scheduler.users,
    kind text not null check (kind in ('user', 'agent', 'system', 'service')),
    name text not null,
    agent text,
    read_only boolean not null,
    prefix text not null,
    hash bytea not null unique,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    created_by text not null,
    created_at timestamptz not null default now(),
    check ((kind = 'agent') = (agent is not null))
  )`,
  `create index tokens_by_scope on scheduler.tokens (scope_id, id)`,

  // Room is left on each page: a fire updates the row in place instead of adding to every index.
  `create table scheduler.jobs (
    scope_id integer not null references scheduler.scopes,
    id uuid not null,
    number integer generated always as identity,
    revision_id uuid not null,
    name text not null,
    description text,
    state text not null check (state in ('draft', 'active', 'paused', 'completed', 'canceled')),
    kind text not null check (kind in ('one_time', 'scheduled', 'cron', 'recurring')),
    cron text,
    every_n_minutes integer check (every_n_minutes > 0),
    run_at timestamptz,
    timezone text not null,
    start_at timestamptz,
    end_at timestamptz,
    max_runs integer,
    metadata jsonb not null,
    next_run_at timestamptz,
    run_count integer not null default 0,
    last_run_at timestamptz,
    last_status text,
    consecutive_failures integer not null default 0,
    created_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (scope_id, id),
    check ((kind = 'cron') = (cron is not null)),
    check ((kind = 'recurring') = (every_n_minutes is not null)),
    check ((kind in ('one_time', 'scheduled')) = (run_at is not null)),
    check (next_run_at is null or (state = 'active' and deleted_at is null))
  ) with (fillfactor = 85)`,
  `create unique index jobs_by_number on scheduler.jobs (scope_id, number)`,
  `create index jobs_by_state on scheduler.jobs (scope_id, state, id) where deleted_at is null`,
  `create index jobs_due on scheduler.jobs (next_run_at) where next_run_at is not null`,
  `create index jobs_deleted on scheduler.jobs (deleted_at) where deleted_at is not null`,
  // Holds the one-shot jobs under way, and whatever the reconciler should mend.
  `create index jobs_unarmed on scheduler.jobs (id)
    where state = 'active' and next_run_at is null and deleted_at is null`,

  `create table scheduler.revisions (
    scope_id integer not null,
    id uuid not null,
    job_id uuid not null,
    method text not null,
    url text not null,
    headers jsonb not null,
    body text,
    timeout_seconds integer not null check (timeout_seconds between 1 and 300),
    success_statuses jsonb not null,
    retry jsonb not null,
    primary key (scope_id, id)
  )`,
  `create index revisions_by_job on scheduler.revisions (scope_id, job_id)`,

  // No foreign keys on the road of a fire: each would cost a lookup per row, and rows leave by retention alone.
  `create table scheduler.executions (
    scope_id integer not null,
    id uuid not null,
    job_id uuid not null,
    revision_id uuid not null,
    trigger text not null check (trigger in ('schedule', 'manual', 'replay', 'api')),
    status text not null check (status in
      ('pending', 'running', 'retrying', 'succeeded', 'failed', 'expired', 'canceled', 'skipped')),
    reason text,
    slot timestamptz,
    scheduled_for timestamptz not null,
    due_at timestamptz,
    worker_id uuid,
    running_since timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    attempt_count integer not null default 0,
    interruptions integer not null default 0,
    status_code integer,
    error_code text,
    error text,
    replay_of uuid,
    created_at timestamptz not null,
    primary key (scope_id, id),
    check ((trigger = 'schedule') = (slot is not null)),
    check ((status in ('succeeded', 'failed', 'expired', 'canceled', 'skipped')) = (finished_at is not null)),
    check ((status = 'running') = (worker_id is not null)),
    check ((status = 'running') = (running_since is not null)),
    check (due_at is null or status in ('pending', 'retrying'))
  ) with (fillfactor = 85)`,
  `create unique index executions_one_per_slot on scheduler.executions (job_id, slot)`,
  `create index executions_by_job on scheduler.executions (job_id, id)`,
  `create index executions_by_status on scheduler.executions (scope_id, status, id)`,
  `create index executions_due on scheduler.executions (due_at) where due_at is not null`,

  `create table scheduler.attempts (
    scope_id integer not null,
    execution_id uuid not null,
    number integer not null,
    status text not null check (status in
      ('succeeded', 'http_error', 'timeout', 'connection_error', 'blocked', 'interrupted', 'canceled')),
    error_code text,
    error text,
    status_code integer,
    started_at timestamptz not null,
    latency_ms double precision not null,
    response_headers jsonb,
    response_body text,
    response_truncated boolean not null,
    primary key (scope_id, execution_id, number)
  )`,

  `create table scheduler.workers (
    id uuid primary key,
    host text not null,
    pid integer not null,
    slots integer not null,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now()
  )`,

  `create table scheduler.audit (
    scope_id integer not null,
    id uuid not null,
    at timestamptz not null,
    caller text not null,
    token_id uuid,
    operation text not null,
    target text,
    primary key (scope_id, id)
  )`,
];
