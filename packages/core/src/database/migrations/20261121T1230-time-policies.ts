import { type Kysely, sql } from "kysely";

/** How a job's slots are spread, how long they may be late, and what becomes of those that overlap or were missed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `alter table jobs
    add column jitter_seconds integer check (jitter_seconds > 0),
    add column ttl_seconds integer check (ttl_seconds > 0),
    add column overlap text not null default 'allow'
      check (overlap in ('allow', 'skip', 'queue', 'cancel_previous')),
    add column catch_up text not null default 'latest' check (catch_up in ('skip', 'latest', 'all')),
    add column catch_up_window_seconds integer not null default 86400 check (catch_up_window_seconds >= 0),
    add column catch_up_max_runs integer not null default 100 check (catch_up_max_runs > 0)`,
  `alter table executions
    add column expires_at timestamptz,
    add column queued boolean not null default false`,
  // Which executions of a job are not over: only where overlap is not allowed does anybody ask.
  "alter table open_executions add column job_id uuid",
  "create index open_executions_by_job on open_executions (job_id, id) where job_id is not null",
];
