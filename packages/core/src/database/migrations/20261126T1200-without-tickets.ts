import { type Kysely, sql } from "kysely";

/** Every execution that waits says until when, or in which line: those that waited for a ticket are due since their slots. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    update executions e set due_at = e.scheduled_for from open_executions o
    where o.id = e.id and e.status in ('pending', 'retrying') and e.due_at is null and e.lane_at is null`.execute(
    db,
  );
  // Not validated: that would read all of a history under a lock.
  await sql`
    alter table executions add constraint executions_waits
    check (status not in ('pending', 'retrying') or due_at is not null or lane_at is not null) not valid`.execute(
    db,
  );
  await sql`drop schema if exists scheduler_tickets cascade`.execute(db);
}
