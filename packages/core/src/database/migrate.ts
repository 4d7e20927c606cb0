import { sql } from "kysely";
import { Migrator } from "kysely/migration";
import { SchedulerError } from "@org/scheduler-contract";
import type { Database } from "./connect.ts";
import { migrations, notForOldWorkers } from "./migrations/index.ts";
import type { Db } from "./tables.ts";
import { schema } from "./tables.ts";

/**
 * Brings the schema up to date. Safe to call from many processes at once: one migrates, the others wait, and neither
 * is hurried: an index on years of history takes its time. Throws `conflict` while workers run that could not go on.
 */
export async function migrate({
  unhurried,
  embedded,
}: Pick<Database, "unhurried" | "embedded">): Promise<void> {
  await unhurried(async (db) => {
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => migrations },
      migrationTableSchema: schema,
    });
    const known = await migrator.getMigrations();
    const isNew = known.every(({ executedAt }) => executedAt === undefined);
    const breaks = known.some(({ name, executedAt }) => !executedAt && notForOldWorkers.includes(name));
    // The embedded database has one process, and that is this one.
    if (breaks && !isNew && !embedded) await refuseOldWorkers(db);
    const { error } = await migrator.migrateToLatest();
    if (error) throw error;
  });
}

/** A worker whose statements fail keeps what it sent to itself, and it would be sent again: better that nobody starts. */
async function refuseOldWorkers(db: Db): Promise<void> {
  const { rows } = await sql<{ host: string; pid: number }>`
    select host, pid from workers where heartbeat_at > now() - interval '15 seconds' order by host, pid`.execute(
    db,
  );
  if (rows.length === 0) return;
  const names = rows.map(({ host, pid }) => `${host} (process ${pid})`).join(", ");
  throw new SchedulerError("conflict", `Workers of an older version are running: ${names}.`, {
    hint: "Stop them, and start this version again 15 seconds later: it changes tables that they work with.",
  });
}
