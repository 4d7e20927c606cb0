import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect, PostgresDialect } from "kysely";
import pg from "pg";
import { SchedulerError } from "@org/scheduler-contract";
import type { Log } from "../log.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import { listenOnPostgres } from "./listen.ts";
import { type Db, schema, type Tables } from "./tables.ts";

/** Runs SQL text for the ticket queue; without values it may hold several statements. */
export type RunSql = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

export interface Database {
  db: Db;
  /** The embedded database has one connection, and so one process. */
  embedded: PGlite | undefined;
  runSql: RunSql;
  /** Calls back on each notification, and after each reconnect since some may have been missed. */
  listen(channels: string[], onNotice: (channel: string, payload: string) => void): Promise<StopListening>;
  /** How many connections this process has. */
  connections(): { total: number; idle: number; waiting: number };
  close(): Promise<void>;
}

export type StopListening = () => Promise<void>;

export interface PostgresSettings {
  url: string;
  /** Connections of this process, the listening one not counted. */
  poolSize: number;
  /** How often a database that is away is tried before giving up, a second apart at first, then up to five. */
  connectAttempts: number;
}

/** Connects to a PostgreSQL server. Waits for one that is away, for a limited time; throws `unavailable`. */
export async function connectPostgres(settings: PostgresSettings, log: Log): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: settings.poolSize,
    application_name: "scheduler",
    connectionTimeoutMillis: 10_000,
    // A connection cut half-open never answers: without a limit of our own a loop would wait for ever.
    query_timeout: 30_000,
    statement_timeout: 25_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    // Every row that the road touches is found by its key, and is nearly always in memory: at the default price of
    // four sequential pages the planner reads whole tables of middle size instead.
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it, its types do not say so
    onConnect: (client) => client.query("set random_page_cost = 1.1; set jit = off"),
  });
  // Without a listener, a broken idle connection would end the process.
  pool.on("error", (error) => log.warn({ error: error.message }, "a database connection broke"));
  try {
    await reachServer(pool, settings, log);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    db: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema(schema),
    embedded: undefined,
    runSql: (text, values) => pool.query(text, values),
    listen: (channels, onNotice) => listenOnPostgres({ url: settings.url, channels, onNotice, log }),
    connections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  };
}

async function reachServer(pool: pg.Pool, settings: PostgresSettings, log: Log): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { rows } = await pool.query<{ version: number }>(
        "select current_setting('server_version_num')::int as version",
      );
      if (rows[0]!.version < 140_000) throw tooOld(rows[0]!.version);
      return;
    } catch (error) {
      if (error instanceof SchedulerError) throw error;
      const reason = connectReason(error);
      if (attempt >= settings.connectAttempts) {
        throw new SchedulerError("unavailable", `The database could not be reached: ${reason}.`, {
          hint: "Check DATABASE_URL, and that the server is up and lets this machine in.",
          cause: error,
        });
      }
      log.warn(
        `the database cannot be reached (${reason}); attempt ${attempt} of ${settings.connectAttempts}`,
      );
      await sleep(Math.min(1000 * attempt, 5000));
    }
  }
}

function tooOld(version: number): SchedulerError {
  return new SchedulerError("unavailable", `The database is PostgreSQL ${Math.floor(version / 10_000)}.`, {
    hint: "Use PostgreSQL 14 or newer.",
  });
}

/** What went wrong in a few words; the message alone may be empty, as it is when every address refuses. */
function connectReason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return connectReason(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}

/** Opens the embedded database in a data directory, or in memory where none is given. */
export async function openEmbedded(dataDir: string | undefined): Promise<Database> {
  let unlock = async (): Promise<void> => {};
  if (dataDir !== undefined) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    unlock = await lockDataDir(dataDir);
  }
  try {
    const pglite = await PGlite.create({
      dataDir: dataDir === undefined ? "memory://" : join(dataDir, "database"),
    });
    return embeddedDatabase(pglite, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

function embeddedDatabase(pglite: PGlite, unlock: () => Promise<void>): Database {
  return {
    db: new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) }).withSchema(schema),
    embedded: pglite,
    runSql: async (text, values) => {
      if (values?.length) return pglite.query(text, values);
      return { rows: (await pglite.exec(text)).flatMap((result) => result.rows) };
    },
    listen: async (channels, onNotice) => {
      const stops = await Promise.all(
        channels.map((channel) => pglite.listen(channel, (payload) => onNotice(channel, payload))),
      );
      return async () => {
        await Promise.all(stops.map((stop) => stop()));
      };
    },
    connections: () => ({ total: 1, idle: 0, waiting: 0 }),
    close: async () => {
      await pglite.close();
      await unlock();
    },
  };
}
