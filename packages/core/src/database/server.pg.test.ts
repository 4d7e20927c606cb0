import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { sql } from "kysely";
import pg from "pg";
import pino from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startPostgres } from "../testing/index.ts";
import { connectPostgres, type Database, type PostgresSettings, refuseUnfit } from "./connect.ts";
import { migrate } from "./migrate.ts";
import { readNow } from "./now.ts";

const lines: { level: number; msg: string }[] = [];
const log = pino({ level: "info", base: null }, { write: (line) => void lines.push(JSON.parse(line)) });

const databases: Database[] = [];
afterEach(async () => {
  for (const database of databases.splice(0)) await database.close();
  lines.length = 0;
});

async function open(settings: Partial<PostgresSettings> & { url: string }): Promise<Database> {
  const database = await connectPostgres({ poolSize: 4, connectAttempts: 1, ...settings }, log);
  databases.push(database);
  return database;
}

describe("a server that goes away", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** Runs one statement as the administrator, on a connection that nobody else has. */
  async function admin(text: string, url = server.url): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await client.query(text);
    } finally {
      await client.end();
    }
  }

  async function nobodyLeft(name: string): Promise<void> {
    const look = `select 1 from pg_stat_activity where application_name = '${name}'`;
    await expect.poll(async () => (await admin(look)).rowCount).toBe(0);
  }

  function urlOf(name: string): string {
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  const killAll =
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'scheduler%'";

  test("and comes back is reached again by the same pool", async () => {
    const { db } = await open({ url: server.url });
    for (const how of ["fast", "immediate"] as const) {
      await Promise.all([readNow(db, null), readNow(db, null)]);
      await server.restart(how);
      await readNow(db, null).catch(() => {});
      expect(await readNow(db, null)).toBeInstanceOf(Date);
    }
  });

  test("in the middle of a transaction fails that, and nothing else: an unheard error would end the process", async () => {
    const { db } = await open({ url: server.url });
    const kill = db.transaction().execute(async (tx) => {
      await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx);
    });
    await expect(kill).rejects.toThrow(/terminat/);
    const between = db.transaction().execute(async (tx) => {
      await readNow(tx, null);
      await admin(killAll);
      // The connection has been gone for a while when the transaction notices.
      await new Promise((resolve) => setTimeout(resolve, 20));
      await readNow(tx, null);
    });
    await expect(between).rejects.toThrow(/terminat|not queryable/);
    expect(await readNow(db, null)).toBeInstanceOf(Date);
  });

  test("again and again under load costs the statements under way, and no more", async () => {
    const { db } = await open({ url: server.url });
    let done = false;
    let failed = 0;
    const load = Array.from({ length: 8 }, async () => {
      while (!done) await readNow(db, null).catch(() => failed++);
    });
    for (let round = 0; round < 5; round++) await admin(killAll);
    done = true;
    await Promise.all(load);
    expect(failed).toBeGreaterThan(0);
    expect(await Promise.all(Array.from({ length: 8 }, () => readNow(db, null)))).toHaveLength(8);
  });

  test("for listeners too: they hear again, and are told that they may have missed something", async () => {
    const database = await open({ url: server.url });
    const heard: string[] = [];
    let onHeard = (): void => {};
    const stop = await database.listen(["one", "two"], (channel, payload) => {
      heard.push(`${channel} ${payload}`);
      onHeard();
    });
    const hears = async (wanted: string, times: number): Promise<void> => {
      while (heard.filter((one) => one === wanted).length < times)
        await new Promise<void>((resolve) => (onHeard = resolve));
    };
    await hears("two ", 1);
    await admin("notify one, 'first'");
    await hears("one first", 1);
    const begun = performance.now();
    await admin(killAll);
    await hears("two ", 2);
    expect(performance.now() - begun).toBeLessThan(3000);
    await server.restart();
    await hears("two ", 3);
    await admin("notify one, 'second'");
    await hears("one second", 1);
    expect(heard).toEqual(["one ", "two ", "one first", "one ", "two ", "one ", "two ", "one second"]);
    await stop();
    await nobodyLeft("scheduler-listen");
    expect(lines.filter(({ msg }) => msg.includes("notification connection")).map(({ msg }) => msg)).toEqual([
      "the notification connection broke; reconnecting",
      "the notification connection is back",
      "the notification connection broke; reconnecting",
      "the notification connection is back",
    ]);
  });

  describe("without a word", () => {
    /** A way to the server whose connections can fall silent, as they do when a cable is cut. */
    async function startWay(): Promise<{ url: string; freeze(): void; close(): void }> {
      const pairs: [Socket, Socket][] = [];
      const to = new URL(server.url);
      const proxy = createServer((near) => {
        const far = connect(Number(to.port), to.hostname);
        pairs.push([near, far]);
        near.on("error", () => {}).pipe(far);
        far.on("error", () => {}).pipe(near);
      });
      proxy.listen(0, "127.0.0.1");
      await once(proxy, "listening");
      const url = new URL(server.url);
      url.port = String((proxy.address() as AddressInfo).port);
      return {
        url: url.href,
        freeze() {
          for (const pair of pairs) for (const socket of pair) socket.unpipe().pause();
        },
        close() {
          proxy.close();
          for (const pair of pairs) for (const socket of pair) socket.destroy();
        },
      };
    }

    test("leaves no connection in the pool on which everything would wait", async () => {
      const way = await startWay();
      const { db } = await open({ url: way.url, silenceMs: 300 });
      await Promise.all([readNow(db, null), readNow(db, null), readNow(db, null)]);
      way.freeze();
      const begun = performance.now();
      const lost = await Promise.allSettled([
        readNow(db, null),
        db.transaction().execute((tx) => readNow(tx, null)),
        db.transaction().execute((tx) => readNow(tx, null)),
      ]);
      expect(lost.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      // A rollback would have waited as long again.
      expect(performance.now() - begun).toBeLessThan(550);
      expect(await Promise.all([readNow(db, null), readNow(db, null), readNow(db, null)])).toHaveLength(3);
      way.close();
    });

    test("does not keep a listener from stopping", async () => {
      const way = await startWay();
      const database = await open({ url: way.url });
      const heard = Promise.withResolvers<void>();
      const stop = await database.listen(["one"], () => heard.resolve());
      await heard.promise;
      way.freeze();
      await stop();
      way.close();
    });
  });

  describe("before the start", () => {
    test("is tried a few times, one line each, and then it is unavailable", async () => {
      const url = "postgres://postgres:secret@127.0.0.1:1/nowhere";
      const error = await open({ url, connectAttempts: 2 }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        name: "SchedulerError",
        code: "unavailable",
        message: "The database could not be reached: connect ECONNREFUSED 127.0.0.1:1.",
        hint: expect.stringContaining("DATABASE_URL") as string,
      });
      expect(lines.map(({ msg }) => msg)).toEqual([
        "the database cannot be reached (connect ECONNREFUSED 127.0.0.1:1); attempt 1 of 2",
      ]);
      expect(JSON.stringify(lines)).not.toContain("secret");
    });

    test("and starts meanwhile is waited for", async () => {
      await server.stop();
      const opening = open({ url: server.url, connectAttempts: 10 });
      await server.restart();
      expect(await readNow((await opening).db, null)).toBeInstanceOf(Date);
    });

    test.each(["postgres://no-such-host.invalid/x", "postgres://postgres@127.0.0.1:1/x"])(
      "is unavailable: %s",
      async (url) => {
        await expect(open({ url })).rejects.toMatchObject({ code: "unavailable" });
      },
    );

    test("is not tried again with a url that is none, nor shown with its password", async () => {
      const error = await open({ url: "postgres://me:se cret@:x/y", connectAttempts: 5 }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: "unavailable" });
      expect(String(error)).not.toContain("cret@");
      expect(lines).toEqual([]);
    });

    test("is tried again with a database that is not there yet, as in a container that starts", async () => {
      const opening = open({ url: urlOf("later"), connectAttempts: 5 });
      await admin("create database later");
      expect(await readNow((await opening).db, null)).toBeInstanceOf(Date);
    });
  });

  test("an old version is refused", () => {
    // A real server of version 13 would cost a download.
    const refused = { message: "The database is PostgreSQL 13.", hint: "Use PostgreSQL 14 or newer." };
    expect(() => refuseUnfit({ version: 130_014, encoding: "UTF8" })).toThrow(
      expect.objectContaining({ code: "unavailable", ...refused }),
    );
    expect(() => refuseUnfit({ version: 140_000, encoding: "UTF8" })).not.toThrow();
  });

  test("a database that cannot hold every character is refused: one answer would fail a whole batch", async () => {
    await admin("create database narrow encoding 'LATIN1' template template0");
    await expect(open({ url: urlOf("narrow") })).rejects.toMatchObject({
      code: "unavailable",
      message: "The database stores text as LATIN1.",
    });
  });

  test("statements have limits, but what migrates has none", async () => {
    const { db, unhurried } = await open({ url: server.url });
    const limits = async (on: typeof db): Promise<unknown> => {
      const names = ["statement_timeout", "idle_in_transaction_session_timeout"];
      const { rows } = await sql<{ setting: string }>`
        select setting from pg_settings where name = any(${names}) order by name desc`.execute(on);
      return rows.map(({ setting }) => Number(setting));
    };
    expect(await limits(db)).toEqual([6000, 10_000]);
    await unhurried(async (own) => expect(await limits(own)).toEqual([0, 0]));
    await nobodyLeft("scheduler-unhurried");
  });

  test("processes that migrate a new database at once do it once", async () => {
    await admin("create database fresh");
    const all = await Promise.all(Array.from({ length: 4 }, () => open({ url: urlOf("fresh") })));
    await Promise.all(all.map((database) => migrate(database)));
    await migrate(all[0]!);
    const { rows } = await sql<{
      count: number;
    }>`select count(*)::integer as count from scheduler.jobs`.execute(all[1]!.db);
    expect(rows).toEqual([{ count: 0 }]);
  });
});
