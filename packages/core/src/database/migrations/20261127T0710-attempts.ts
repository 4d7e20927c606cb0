import { type Kysely, sql } from "kysely";

/** What is stored of a body that is no text, and where a redirect led; null for all others. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table attempts add column response_encoding text, add column redirected_to json`.execute(
    db,
  );
}
