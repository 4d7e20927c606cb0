import { type Kysely, sql } from "kysely";

/**
 * Where a request goes, with its port, so that the slots can be shared between hosts. A job repeats what its current
 * revision says: a planner that passes over the jobs of a busy host cannot look each of them up.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "alter table revisions add column host text",
  "update revisions set host = coalesce(lower(substring(url from '^[^:]+://([^/?#]*)')), '')",
  "alter table revisions alter column host set not null",
  "alter table jobs add column host text",
  "update jobs j set host = r.host from revisions r where r.id = j.revision_id",
  "alter table jobs alter column host set not null",
];
