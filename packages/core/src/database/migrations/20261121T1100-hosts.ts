import { type Kysely, sql } from "kysely";

/**
 * Where a request goes, with its port, so that the slots can be shared between hosts. A job repeats what its current
 * revision says: a planner that passes over the jobs of a busy host cannot look each of them up.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  "alter table scheduler.revisions add column host text",
  "update scheduler.revisions set host = coalesce(lower(substring(url from '^[^:]+://([^/?#]*)')), '')",
  "alter table scheduler.revisions alter column host set not null",
  "alter table scheduler.jobs add column host text",
  "update scheduler.jobs j set host = r.host from scheduler.revisions r where r.id = j.revision_id",
  "alter table scheduler.jobs alter column host set not null",
];
