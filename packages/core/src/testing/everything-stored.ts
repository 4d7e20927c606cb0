import { sql } from "kysely";
import type { Scheduler } from "../scheduler.ts";

/** Everything that is stored, as one text. */
export async function everythingStored({ engine }: Pick<Scheduler, "engine">): Promise<string> {
  const { db } = engine.database;
  const tables = await sql<{ name: string }>`
    select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
    where table_schema in ('scheduler', 'scheduler_deliveries') and table_type = 'BASE TABLE'`.execute(db);
  const texts = await Promise.all(
    tables.rows.map(async ({ name }) => {
      const { rows } = await sql
        .raw<{ row: string }>(`select to_jsonb(t)::text as row from ${name} t`)
        .execute(db);
      return rows.map(({ row }) => row).join("\n");
    }),
  );
  return texts.join("\n");
}
