import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { PGlite } from "@electric-sql/pglite";
import { type Dialect, Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import pg from "pg";
import { parseExactly, SchedulerError } from "@org/scheduler-contract";
import { type Log, reasonOf } from "../log.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import { listenOnPostgres } from "./listen.ts";
import { guardAgainstPanic, panicAwareDialect } from "./panic.ts";
import { closeToOthers, makePrivate } from "./private-files.ts";
import { preparedName } from "./statement.ts";
import { type Db, schema, type Tables } from "./tables.ts";

/** Runs SQL text for pg-boss; without values it may hold several statements. */
type RunSql = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

export interface Database {
  db: Db;
  /** Runs what may take as long as it likes, on a connection of its own where there can be one. */
  unhurried(run: (db: Db) => Promise<void>): Promise<void>;
  /** The embedded database has one connection, and so one process. */
  embedded: PGlite | undefined;
  runSql: RunSql;
  /** Calls back on each notification, and after each reconnect, since notifications may have been missed. */
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
  /** How long a statement may go without any answer. */
  silenceMs?: number;
}

/** No statement names our schema: each connection says it once. */
const useSchema = `set search_path = ${schema}`;

/** PostgreSQL keeps every digit of a number in JSON: reading it must not lose one. */
const parseJson = (text: string): unknown => parseExactly(text).value;
const jsonTypes: readonly number[] = [pg.types.builtins.JSON, pg.types.builtins.JSONB];
const types = {
  getTypeParser: (oid: number, format?: "text") =>
    jsonTypes.includes(oid) ? parseJson : (pg.types.getTypeParser(oid, format) as unknown),
} as pg.CustomTypesConfig;

/**
 * A statement that takes longer holds up a loop or a caller for no good. The server gives up first and says so; a
 * connection cut half-open says nothing, and then the limit of our own is what frees whoever waits on it: loops are
 * to turn again within ten seconds.
 */
const statementMs = 6000;
const silenceMs = 7000;

/** Connects to a PostgreSQL server. Waits for one that is away, for a limited time; throws `unavailable`. */
export async function connectPostgres(settings: PostgresSettings, log: Log): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: settings.url,
    max: settings.poolSize,
    application_name: "scheduler",
    types,
    connectionTimeoutMillis: 10_000,
    query_timeout: settings.silenceMs ?? silenceMs,
    statement_timeout: statementMs,
    // What a lost process had locked is free again this soon.
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Every row that the road touches is found by an index, and is nearly always in memory. The planner would read
    // whole tables instead where they are small, or where it expects to meet a row that matches soon; a history is
    // large the next day, and the row it hopes for is seldom there.
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it, its types do not say so
    onConnect: (client) =>
      client.query(`${useSchema}; set random_page_cost = 1.1; set jit = off; set enable_seqscan = off`),
  });
  surviveBreaks(pool, log);
  try {
    await reachServer(pool, settings, log);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return {
    db: kysely(pool),
    unhurried: (run) => onOwnConnection(settings.url, log, run),
    embedded: undefined,
    runSql: (text, values) => pool.query(text, values),
    listen: (channels, onNotice) => listenOnPostgres({ url: settings.url, channels, onNotice, log }),
    connections: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  };
}

function kysely(pool: pg.Pool): Db {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool: withoutSilent(pool) }) });
}

/** A connection that breaks without a listener ends the process: while it idles, and while it is in use as well. */
function surviveBreaks(pool: pg.Pool, log: Log): void {
  pool.on("error", (error) => log.warn({ error: reasonOf(error) }, "a database connection broke"));
  // Whoever uses the connection is told by the statement that fails.
  pool.on("connect", (client) => client.on("error", () => {}));
}

/**
 * The pool as Kysely uses it, without connections that fell silent: on one that was given up on, everything later
 * would wait behind the statement that has no answer, the rollback first of all.
 */
function withoutSilent(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      let silent: Error | undefined;
      const query = async (text: string, values: unknown[]): Promise<unknown> => {
        if (silent) throw silent;
        try {
          return await client.query({ name: preparedName(text), text, values });
        } catch (error) {
          if (error instanceof Error && error.message === "Query read timeout") silent = error;
          throw error;
        }
      };
      const release = (discard?: boolean): void => client.release(discard === true || silent !== undefined);
      return { query, release } as PostgresPoolClient;
    },
  };
}

async function onOwnConnection(url: string, log: Log, run: (db: Db) => Promise<void>): Promise<void> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    application_name: "scheduler-unhurried",
    types,
    keepAlive: true,
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it, its types do not say so
    onConnect: (client) => client.query(useSchema),
  });
  surviveBreaks(pool, log);
  try {
    await run(kysely(pool));
  } finally {
    await pool.end();
  }
}

async function reachServer(pool: pg.Pool, settings: PostgresSettings, log: Log): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await checkServer(pool);
    } catch (error) {
      if (error instanceof SchedulerError) throw error;
      const reason = reasonOf(error);
      if (attempt >= settings.connectAttempts || isLasting(error)) {
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

/** A wrong URL or password is not mended by waiting. A missing database may be: containers create theirs while they start. */
function isLasting(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ERR_INVALID_URL" || code === "28P01" || code === "28000";
}

async function checkServer(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ version: number; encoding: string }>(
    "select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding",
  );
  refuseUnfit(rows[0]!);
}

/** Throws `unavailable` for a server that we cannot run on. `version` is PostgreSQL's number, such as 180004. */
export function refuseUnfit({ version, encoding }: { version: number; encoding: string }): void {
  if (version < 140_000) {
    throw new SchedulerError("unavailable", `The database is PostgreSQL ${Math.floor(version / 10_000)}.`, {
      hint: "Use PostgreSQL 14 or newer.",
    });
  }
  // Answers of targets are stored as they come; one character that has no place would fail the batch it is in.
  if (encoding !== "UTF8") {
    throw new SchedulerError("unavailable", `The database stores text as ${encoding}.`, {
      hint: "Use a database made with: create database scheduler encoding 'UTF8' template template0",
    });
  }
}

export interface EmbeddedSettings {
  /** Where its files are; in memory where none is given. */
  dataDir: string | undefined;
  /** What it holds at first: a dump of another one, as `dumpDataDir` makes it. */
  dump?: Blob | undefined;
  /** Hears that it stopped for good, and why: only a new process can open it again. */
  onBroken?: ((error: SchedulerError) => void) | undefined;
}

/** Opens the embedded database. Throws `conflict` where another process has it, `unavailable` where it does not open. */
export async function openEmbedded(
  { dataDir, dump, onBroken }: EmbeddedSettings,
  log: Log,
): Promise<Database> {
  let unlock = async (): Promise<void> => {};
  try {
    if (dataDir !== undefined) {
      await makePrivate(dataDir);
      unlock = await lockDataDir(dataDir, log);
      await makePrivate(join(dataDir, "database"));
    }
    // Loaded here alone: it would take a tenth of the memory of processes that have a server.
    const { PGlite } = await import("@electric-sql/pglite");
    const pglite = await PGlite.create({
      dataDir: dataDir === undefined ? "memory://" : join(dataDir, "database"),
      ...(dump && { loadDataDir: dump }),
      parsers: Object.fromEntries(jsonTypes.map((oid) => [oid, parseJson])),
    });
    await pglite.exec(useSchema);
    if (dataDir !== undefined) await closeToOthers(join(dataDir, "database"));
    const panicOf = guardAgainstPanic(pglite, (error) => {
      log.fatal({ error: error.message }, error.hint);
      onBroken?.(error);
    });
    const dialect = panicAwareDialect(pglite, panicOf);
    return embeddedDatabase(pglite, dialect, async () => {
      try {
        if (!panicOf()) await pglite.close();
      } finally {
        await unlock();
      }
    });
  } catch (error) {
    await unlock();
    if (error instanceof SchedulerError) throw error;
    throw new SchedulerError(
      "unavailable",
      `The embedded database could not be opened: ${reasonOf(error)}.`,
      {
        hint: `Check the disk and the permissions of ${dataDir ?? "this process"}, or move what is there away and start afresh.`,
        cause: error,
      },
    );
  }
}

function embeddedDatabase(pglite: PGlite, dialect: Dialect, close: () => Promise<void>): Database {
  const db = new Kysely<Tables>({ dialect });
  return {
    db,
    unhurried: (run) => run(db),
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
    close,
  };
}
