import { randomBytes } from "node:crypto";
import { openAsBlob } from "node:fs";
import pg from "pg";
import { sql } from "kysely";
import type { Caller } from "../access/caller.ts";
import type { Clock } from "../clock.ts";
import type { MailSettings } from "../deliveries/mail.ts";
import { createScheduler, type Scheduler } from "../scheduler.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A server with the database `scheduler_template`; null runs on PGlite. */
    postgresUrl: string | null;
    /** The file that holds a dump of an embedded database with all tables and no rows. */
    dumpPath: string | undefined;
  }
}

export const templateDatabase = "scheduler_template";

const emptied = [
  ...[
    "jobs",
    "approvals",
    "policy_counters",
    "agent_permissions",
    "agents",
    "queues",
    "queue_starts",
    "revisions",
    "executions",
    "replays",
    "endings",
    "open_executions",
    "attempts",
    "audit",
    "audit_seals",
    "idempotency_keys",
    "deleted_keys",
    "workers",
    "signing_secrets",
    "secrets",
    "rules",
    "channels",
    "queue_alerts",
    "deliveries",
  ].map((table) => `scheduler.${table}`),
  "scheduler_deliveries.job",
];

/** A scheduler on a database of its own, with a live and a test caller. */
export interface TestScheduler extends AsyncDisposable {
  scheduler: Scheduler;
  caller: Caller;
  testCaller: Caller;
  /** The connection string; undefined on PGlite. */
  databaseUrl: string | undefined;
  /** Takes every job and execution away, much faster than a new database. */
  reset(): Promise<void>;
}

/** Loopback is open, since the targets of tests are there. */
export async function openTestScheduler(
  options: { clock?: Clock; mail?: MailSettings } = {},
): Promise<TestScheduler> {
  // Only here: the other helpers of this folder also serve programs that run without Vitest.
  const { inject } = await import("vitest");
  const server = inject("postgresUrl");
  const dumpPath = inject("dumpPath");
  const databaseUrl = server === null ? undefined : await copyTemplate(server);
  const scheduler = await createScheduler({
    databaseUrl,
    dump: dumpPath === undefined ? undefined : await openAsBlob(dumpPath),
    clock: options.clock,
    mail: options.mail,
    allowedTargets: ["127.0.0.0/8"],
    jwtSecret: randomBytes(32),
    encryptionKey: randomBytes(32),
  });
  const { token } = await scheduler.bootstrap({
    adminEmail: "admin@localhost",
    adminPassword: "correct horse",
    token: undefined,
  });
  const caller = await scheduler.authenticate(token);
  const made = await scheduler.execute(
    "create_token",
    { name: "test half", kind: "service", mode: "test" },
    caller,
  );
  return {
    scheduler,
    caller,
    testCaller: await scheduler.authenticate(made.token),
    databaseUrl,
    async reset() {
      for (const table of emptied)
        await sql.raw(`delete from ${table}`).execute(scheduler.engine.database.db);
    },
    [Symbol.asyncDispose]: () => scheduler.close(),
  };
}

async function copyTemplate(server: string): Promise<string> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(`create database ${name} template ${templateDatabase}`);
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
