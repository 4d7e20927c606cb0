import { type Kysely, sql } from "kysely";

/** Who is told that an execution is over, and whether they heard it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table deliveries (
    id uuid primary key,
    scope_id integer not null,
    kind text not null,
    execution_id uuid not null,
    job_id uuid not null,
    url text not null,
    status text not null check (status in ('pending', 'sent', 'failed')),
    attempt_count integer not null default 0,
    due_at timestamptz,
    status_code integer,
    error_code text,
    error text,
    created_at timestamptz not null,
    finished_at timestamptz,
    check ((status = 'pending') = (due_at is not null)),
    check ((status = 'pending') = (finished_at is null))
  ) with (fillfactor = 70)`,
  "create index deliveries_due on deliveries (due_at) where due_at is not null",
  "create index deliveries_by_scope on deliveries (scope_id, id)",
  "create index deliveries_by_status on deliveries (scope_id, status, id) where status <> 'sent'",
  "create index deliveries_by_job on deliveries (job_id, id)",
  "create index deliveries_by_execution on deliveries (execution_id)",
  "create unique index deliveries_one_callback on deliveries (execution_id) where kind = 'callback'",
];
