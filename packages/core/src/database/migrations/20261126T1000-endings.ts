import { type Kysely, sql } from "kysely";

/** What was canceled or deleted and has more waiting than one statement may end; and whose executions are not over. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table scheduler.endings (
    scope_id integer not null references scheduler.scopes (id),
    kind text not null check (kind in ('job', 'replay')),
    id uuid primary key,
    reason text not null,
    cursor uuid not null,
    created_at timestamptz not null default now()
  )`,
  // Small at any time: it is soon built.
  "create index open_executions_by_scope on scheduler.open_executions (scope_id, id)",
];
