import { type Kysely, sql } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table workspaces (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null default now()
  )`,
  `create table scopes (
    id integer generated always as identity primary key,
    workspace_id uuid not null references workspaces,
    mode text not null check (mode in ('live', 'test')),
    unique (workspace_id, mode)
  )`,
  `create table users (
    id uuid primary key,
    workspace_id uuid not null references workspaces,
    email text not null unique,
    password_hash text not null,
    created_at timestamptz not null default now()
  )`,
  `create table tokens (
    id uuid primary key,
    scope_id integer not null references scopes,
    user_id uuid references users,
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
  `create index tokens_by_scope on tokens (scope_id, id)`,

  // Keys are UUIDs, unique by themselves: a lookup by a list of them is planned well whatever the statistics say,
  // and on a fresh table they say nothing. Lists start with the scope.
  // Room is left on each page, so that a fire can update its rows in place without adding to any index.
  `create table jobs (
    id uuid primary key,
    scope_id integer not null references scopes,
    number integer generated always as identity,
    revision_id uuid not null,
    name text not null,
    description text,
    state text not null check (state in ('draft', 'active', 'paused', 'completed', 'canceled')),
    kind text not null check (kind in ('one_time', 'scheduled', 'cron', 'recurring')),
    repeats boolean generated always as (kind in ('cron', 'recurring')) stored,
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
    check ((kind = 'cron') = (cron is not null)),
    check ((kind = 'recurring') = (every_n_minutes is not null)),
    check ((kind in ('one_time', 'scheduled')) = (run_at is not null)),
    check (next_run_at is null or (state = 'active' and deleted_at is null))
  ) with (fillfactor = 70)`,
  `create index jobs_by_scope on jobs (scope_id, id) where deleted_at is null`,
  `create index jobs_by_state on jobs (scope_id, state, id) where deleted_at is null`,
  `create index jobs_due on jobs (repeats, next_run_at) where next_run_at is not null`,
  `create index jobs_deleted on jobs (deleted_at) where deleted_at is not null`,

  `create table revisions (
    id uuid primary key,
    scope_id integer not null,
    job_id uuid not null,
    method text not null,
    url text not null,
    headers jsonb not null,
    body text,
    timeout_seconds integer not null check (timeout_seconds between 1 and 300),
    success_statuses jsonb not null,
    retry jsonb not null
  )`,
  `create index revisions_by_job on revisions (job_id)`,

  // No foreign keys on the road of a fire: each would cost a lookup per row, and rows leave by retention alone.
  // The id of a slot's execution is made from the job and the slot: the primary key allows one per slot.
  // No index holds what changes while all goes well (status, worker); see open_executions and listed_status.
  `create table executions (
    id uuid primary key,
    scope_id integer not null,
    job_id uuid not null,
    revision_id uuid not null,
    trigger text not null check (trigger in ('schedule', 'manual', 'replay', 'api')),
    status text not null check (status in
      ('pending', 'running', 'retrying', 'succeeded', 'failed', 'expired', 'canceled', 'skipped')),
    listed_status text generated always as (
      case when status in ('failed', 'expired', 'canceled', 'skipped') then status end) stored,
    reason text,
    scheduled_for timestamptz not null,
    due_at timestamptz,
    worker_id uuid,
    running_since timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    attempt_count integer not null default 0,
    interruptions integer not null default 0,
    cancel_requested_at timestamptz,
    status_code integer,
    error_code text,
    error text,
    replay_of uuid,
    created_at timestamptz not null,
    check ((status in ('succeeded', 'failed', 'expired', 'canceled', 'skipped')) = (finished_at is not null)),
    check ((status = 'running') = (worker_id is not null)),
    check ((status = 'running') = (running_since is not null)),
    check (due_at is null or status in ('pending', 'retrying'))
  ) with (fillfactor = 50)`,
  `create index executions_by_scope on executions (scope_id, id)`,
  `create index executions_by_job on executions (job_id, id)`,
  `create index executions_by_status on executions (scope_id, listed_status, id)
    where listed_status is not null`,
  `create index executions_due on executions (due_at) where due_at is not null`,

  // One narrow row for each execution that is not over, there as long as it is not.
  `create table open_executions (
    id uuid primary key,
    scope_id integer not null
  )`,

  `create table attempts (
    execution_id uuid not null,
    number integer not null,
    scope_id integer not null,
    status text not null check (status in
      ('succeeded', 'http_error', 'timeout', 'connection_error', 'blocked', 'interrupted', 'canceled')),
    error_code text,
    error text,
    status_code integer,
    started_at timestamptz not null,
    latency_ms double precision not null,
    response_headers json,
    response_body text,
    response_truncated boolean not null,
    primary key (execution_id, number)
  )`,

  `create table workers (
    id uuid primary key,
    host text not null,
    pid integer not null,
    slots integer not null,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now()
  )`,

  `create table audit (
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
