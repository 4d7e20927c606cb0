import { type Kysely, sql } from "kysely";

/** Dead letters: found by what people look for together, replayed many at a time, and that once. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  `create table replays (
    scope_id integer not null references scopes (id),
    id uuid primary key,
    total integer not null check (total >= 0),
    per_second integer not null check (per_second > 0),
    last_due_at timestamptz,
    created_by text not null,
    created_at timestamptz not null,
    canceled_at timestamptz
  )`,
  `alter table executions
    add column replay_id uuid,
    add column replayed_at timestamptz`,
  "create index executions_by_replay on executions (replay_id, id) where replay_id is not null",
  // The replay of a dead letter may be forgotten before the dead letter is, so that it bears the mark itself.
  `update executions e set replayed_at = r.created_at
    from executions r where r.replay_of = e.id and e.finished_at is not null`,
  // Nothing is written to these for what its schedule fires and succeeds.
  `create index executions_by_trigger on executions (scope_id, trigger, id) where trigger <> 'schedule'`,
  `create index executions_by_job_status on executions (job_id, listed_status, id)
    where listed_status is not null`,
  `create index executions_by_queue_status on executions (scope_id, queue, listed_status, id)
    where listed_status is not null`,
];
