import { type Kysely, sql } from "kysely";

/** Hosts that do not answer, so that workers hold requests back from them: written for people to read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // They go with their worker.
  await sql`
    create table open_circuits (
      scope_id integer not null references scopes (id),
      host text not null,
      worker_id uuid not null references workers (id) on delete cascade,
      opened_at timestamptz not null,
      probe_at timestamptz not null,
      failures integer not null,
      primary key (scope_id, host, worker_id)
    )`.execute(db);
}
