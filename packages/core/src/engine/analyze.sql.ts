import { sql } from "kysely";
import { type Session, statement } from "../database/statement.ts";

/** What grows with every fire, or with every job. */
const tables = ["jobs", "revisions", "executions", "open_executions", "attempts", "deliveries"];

const grown = statement<{ tables: string[] }, { name: string }>(
  "grown_tables",
  `select c.relname as name from pg_class c join pg_stat_user_tables s on s.relid = c.oid
  where c.relnamespace = current_schema()::regnamespace and c.relname = any(:tables::text[])
    and s.n_live_tup >= 10 * greatest(c.reltuples, 20)`,
);

/**
 * Lets PostgreSQL look anew at tables that have grown tenfold since it last did. The plan of a prepared statement stays as
 * it was made until then, and one that was made for a table of ten rows may read all of it. PostgreSQL's own turn comes
 * after a minute, or later. Answers their names.
 */
export async function analyzeGrown(session: Session): Promise<string[]> {
  const names = (await grown(session, { tables })).map(({ name }) => name);
  for (const name of names) await sql`analyze (skip_locked) ${sql.table(name)}`.execute(session.db);
  return names;
}
