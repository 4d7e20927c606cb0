import { Migrator } from "kysely/migration";
import type { Database } from "./connect.ts";
import { migrations } from "./migrations/index.ts";
import { schema } from "./tables.ts";

/**
 * Brings the schema up to date. Safe to call from many processes at once: one migrates, the others wait, and neither
 * is hurried: an index on years of history takes its time.
 */
export async function migrate(database: Pick<Database, "unhurried">): Promise<void> {
  await database.unhurried(async (db) => {
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => migrations },
      migrationTableSchema: schema,
    });
    const { error } = await migrator.migrateToLatest();
    if (error) throw error;
  });
}
