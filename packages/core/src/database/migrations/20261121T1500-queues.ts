import { type Kysely, sql } from "kysely";

/** Queues, the names jobs go by, and what a request says beyond itself: what counts as success and who is told. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // A queue is named by jobs and executions, not pointed at: a name without a row is a queue without settings.
  `create table queues (
    scope_id integer not null references scopes (id),
    name text not null,
    id uuid not null unique,
    concurrency integer check (concurrency > 0),
    rate_max integer check (rate_max > 0),
    rate_period_seconds integer check (rate_period_seconds > 0),
    paused boolean not null default false,
    timeout_seconds integer check (timeout_seconds between 1 and 300),
    retry jsonb,
    priority integer not null default 0,
    laned boolean generated always as
      (concurrency is not null or rate_max is not null or paused or priority <> 0) stored,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (scope_id, name),
    check ((rate_max is null) = (rate_period_seconds is null))
  ) with (fillfactor = 50)`,
  `alter table jobs
    add column queue text not null default 'default',
    add column key text`,
  // Nothing is written to these for whoever names no queue.
  `create index jobs_in_queue on jobs (scope_id, queue, next_run_at)
    where next_run_at is not null and queue <> 'default'`,
  `create unique index jobs_by_key on jobs (scope_id, key) where key is not null and deleted_at is null`,
  `alter table revisions
    add column inherits_timeout boolean not null default false,
    add column inherits_retry boolean not null default false,
    add column assertions jsonb,
    add column follow_redirects boolean not null default false,
    add column callback_url text`,
  // Who waits for a turn in a queue is not due: no planner has to look past whole queues that may not go on.
  `alter table executions
    add column queue text not null default 'default',
    add column lane_at timestamptz,
    add check (lane_at is null or (due_at is null and status in ('pending', 'retrying')))`,
  `create index executions_by_queue on executions (scope_id, queue, id) where queue <> 'default'`,
  // An execution that succeeds at once never gets an error code: its row is still updated in place.
  `create index executions_by_error on executions (scope_id, error_code, id) where error_code is not null`,
  "create index executions_in_lane on executions (scope_id, queue, lane_at, id) where lane_at is not null",
  `create index executions_in_lane_expire on executions (expires_at)
    where lane_at is not null and expires_at is not null`,
  "alter table open_executions add column queue text",
  "create index open_executions_by_queue on open_executions (scope_id, queue) where queue is not null",
  // What has been sent of late, gathered in hundredths of a period: a row for each request would be read each time.
  `create table queue_starts (
    scope_id integer not null,
    queue text not null,
    part bigint not null,
    count integer not null,
    last_at timestamptz not null,
    primary key (scope_id, queue, part)
  ) with (fillfactor = 50)`,
];
