import { Migrator } from "kysely/migration";
import { migrations } from "./migrations/index.ts";
import { type Db, schema } from "./tables.ts";

/** Brings the schema up to date. Safe to call from many processes at once: one migrates, the others wait. */
export async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableSchema: schema,
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}
