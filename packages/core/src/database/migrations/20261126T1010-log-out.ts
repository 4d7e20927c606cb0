import { type Kysely, sql } from "kysely";

/** Until when the JWTs of a user are refused. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql
    .raw("alter table users add column logged_out_at timestamptz not null default '-infinity'")
    .execute(db);
}
