import { randomBytes } from "node:crypto";
import { Kysely, PostgresDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { createScheduler } from "../scheduler.ts";
import { startTarget } from "../testing/index.ts";
import { migrations } from "./migrations/index.ts";

/** A database as a version left it whose last migration is this one. */
async function openAsOf(last: string): Promise<{ url: string; db: Kysely<unknown> }> {
  const name = `old_${randomBytes(6).toString("hex")}`;
  const admin = new pg.Client({ connectionString: inject("postgresUrl")! });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  const url = new URL(inject("postgresUrl")!);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 1, options: "-c search_path=scheduler" });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const provider = { getMigrations: async () => migrations };
  const migrator = new Migrator({ db, provider, migrationTableSchema: "scheduler" });
  const { error } = await migrator.migrateTo(last);
  expect(error).toBeUndefined();
  return { url: url.href, db };
}

test("what waited for a ticket is due once there are none, and fires", async () => {
  await using target = Object.assign(await startTarget(), {
    async [Symbol.asyncDispose]() {
      await target.close();
    },
  });
  const { url, db } = await openAsOf("20261126T1100-audit-outcomes");
  await sql`create schema scheduler_tickets`.execute(db);
  // A repeating job whose slot was planned ten seconds late, and found no room.
  const [scope, job, execution, revision] = [
    1,
    ...["1", "2", "3"].map((n) => `00000000-0000-7000-8000-00000000000${n}`),
  ];
  await sql`insert into workspaces (id, name) values (${job}, 'w')`.execute(db);
  await sql`insert into scopes (workspace_id, mode) values (${job}, 'live')`.execute(db);
  await sql`insert into revisions (id, scope_id, job_id, method, url, host, headers, timeout_seconds, success_statuses, retry)
    values (${revision}, ${scope}, ${job}, 'POST', ${target.url}, ${new URL(target.url).host}, '{}', 30, '["2xx"]',
      '{"max_attempts": 1}')`.execute(db);
  await sql`insert into jobs (id, scope_id, revision_id, name, state, kind, cron, timezone, metadata, created_by, created_at,
      updated_at, host)
    values (${job}, ${scope}, ${revision}, 'late', 'active', 'cron', '0 0 1 1 *', 'UTC', '{}', 'somebody', now(), now(),
      ${new URL(target.url).host})`.execute(db);
  await sql`insert into executions (id, scope_id, job_id, revision_id, trigger, status, scheduled_for, created_at)
    values (${execution}, ${scope}, ${job}, ${revision}, 'schedule', 'pending', now(), now())`.execute(db);
  await sql`insert into open_executions (id, scope_id) values (${execution}, ${scope})`.execute(db);
  await db.destroy();

  const scheduler = await createScheduler({ databaseUrl: url, allowedTargets: ["127.0.0.0/8"] });
  await scheduler.createWorker().start();
  await target.arrived(1);
  await scheduler.close();
});

test("tables that old workers work with are not changed while one runs", async () => {
  const { url, db } = await openAsOf("20261126T1100-audit-outcomes");
  await sql`insert into workers (id, host, pid, slots) values (gen_random_uuid(), 'old-host', 42, 1)`.execute(
    db,
  );
  await expect(createScheduler({ databaseUrl: url })).rejects.toMatchObject({
    code: "conflict",
    message: "Workers of an older version are running: old-host (process 42).",
  });
  await sql`update workers set heartbeat_at = now() - interval '16 seconds'`.execute(db);
  const scheduler = await createScheduler({ databaseUrl: url });
  // Whoever starts later, of the same version, changes nothing and is not kept from it.
  await scheduler.createWorker().start();
  await (await createScheduler({ databaseUrl: url })).close();
  await scheduler.close();
  await db.destroy();
});
