import { mkdir, mkdtemp, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SchedulerError } from "@org/scheduler-contract";
import { createScheduler } from "../scheduler.ts";
import { silentLog } from "../log.ts";
import { orUnavailable } from "./away.ts";
import { type Database, openEmbedded } from "./connect.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "full-"));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** Takes the place of the next files of the database's log: from there on it cannot be written, as on a full disk. */
async function blockLog({ runSql }: Database): Promise<() => Promise<void>> {
  const { rows } = await runSql("select pg_walfile_name(pg_current_wal_lsn()) as name");
  const current = BigInt(`0x${(rows[0] as { name: string }).name}`);
  const blocked = [1n, 2n].map((next) => {
    const file = (current + next).toString(16).toUpperCase().padStart(24, "0");
    return join(dataDir, "database/pg_wal", file);
  });
  for (const file of blocked) {
    await rm(file, { force: true });
    await mkdir(file);
  }
  return async () => {
    for (const file of blocked) await rmdir(file);
  };
}

test(
  "an embedded database that cannot write its log any more says so at every call, and has kept all",
  { timeout: 60_000 },
  async () => {
    const told: SchedulerError[] = [];
    const database = await openEmbedded({ dataDir, onBroken: (error) => void told.push(error) }, silentLog);
    await database.runSql("create table public.kept (x int); insert into public.kept values (1)");
    const unblock = await blockLog(database);
    const writeMuch = () =>
      database.db.transaction().execute(async (tx) => {
        for (let mb = 0; mb < 40; mb++)
          await sql`select pg_logical_emit_message(true, 'x', repeat('y', 1000000))`.execute(tx);
      });
    await expect(writeMuch()).rejects.toThrow("pg_wal");
    expect(told).toMatchObject([
      {
        code: "unavailable",
        message: expect.stringMatching(/^The embedded database stopped: .*pg_wal/) as string,
        hint: expect.stringContaining("start again") as string,
      },
    ]);
    await expect(sql`select 1`.execute(database.db)).rejects.toBe(told[0]);
    await expect(writeMuch()).rejects.toBe(told[0]);
    await database.close();
    await unblock();
    const again = await openEmbedded({ dataDir }, silentLog);
    expect((await again.runSql("select * from public.kept")).rows).toEqual([{ x: 1 }]);
    await again.close();
  },
);

test.each([
  ["disk_full", "The disk of the database is full", "Free space on the disk"],
  ["out_of_memory", "The database is out of memory", "more memory"],
  ["too_many_connections", "The database has no connection left", "max_connections"],
  ["cannot_connect_now", "The database does not answer right now", "few seconds"],
])("%s is told as what it is", { timeout: 30_000 }, async (condition, message, hint) => {
  const scheduler = await createScheduler();
  const raise = () =>
    sql
      .raw(`do $$ begin raise exception 'no' using errcode = '${condition}'; end $$`)
      .execute(scheduler.engine.database.db);
  await expect(orUnavailable(raise)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining(message) as string,
    hint: expect.stringContaining(hint) as string,
  });
  await scheduler.close();
});
