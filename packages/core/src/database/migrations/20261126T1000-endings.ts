import { type Kysely, sql } from "kysely";

/** What was canceled or deleted and has more waiting than one statement may end. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw(
      `create table endings (
        scope_id integer not null references scopes (id),
        kind text not null check (kind in ('job', 'replay')),
        id uuid primary key,
        reason text not null,
        cursor uuid not null,
        created_at timestamptz not null default now()
      )`,
    )
    .execute(db);
}
