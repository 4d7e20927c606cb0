import pg from "pg";
import { createScheduler } from "@org/scheduler-core";

/** A database of its own for one run of one side. */
export interface BenchDatabase extends AsyncDisposable {
  url: string;
  /** Not limited in time, as the scheduler's own connections are. */
  client: pg.Client;
}

export interface Databases extends AsyncDisposable {
  version: string;
  /** A new database: empty for a peer, with our schema and the template jobs for us. */
  create(kind: "empty" | "ours"): Promise<BenchDatabase>;
}

/** The token that every database of ours lets in. */
export const token = `cron_pat_${"b".repeat(40)}`;

/** What every process of ours has its secrets encrypted with. */
export const encryptionKey = Buffer.alloc(32, "bench");

/** The jobs that `storeJobs` copies. */
export const templateJobs = { once: "template once", cron: "template cron" } as const;

const ours = "bench_ours";

/** With `keep`, databases stay until the server goes: dropping one takes a checkpoint. */
export async function openDatabases(serverUrl: string, { keep }: { keep: boolean }): Promise<Databases> {
  const admin = await connect(serverUrl);
  const { rows } = await admin.query<{ server_version: string }>("show server_version");
  await admin.query(`create database ${ours}`);
  await fillTemplate(urlOf(serverUrl, ours));
  let count = 0;
  return {
    version: rows[0]!.server_version,
    async create(kind) {
      const name = `bench_${++count}`;
      await admin.query(`create database ${name} template ${kind === "ours" ? ours : "template0"}`);
      const url = urlOf(serverUrl, name);
      const client = await connect(url);
      return {
        url,
        client,
        async [Symbol.asyncDispose]() {
          await client.end();
          if (!keep) await admin.query(`drop database ${name} with (force)`);
        },
      };
    },
    [Symbol.asyncDispose]: () => admin.end(),
  };
}

/** Our schema, somebody who may come in, and one job of each sort as `create_job` writes it, due in ten years. */
async function fillTemplate(databaseUrl: string): Promise<void> {
  const scheduler = await createScheduler({ databaseUrl, allowedTargets: ["127.0.0.0/8"] });
  await scheduler.bootstrap({ adminEmail: "admin@localhost", adminPassword: "correct horse", token });
  const caller = await scheduler.authenticate(token);
  const url = "http://127.0.0.1/";
  await scheduler.execute("create_job", { name: templateJobs.once, url }, caller);
  await scheduler.execute("create_job", { name: templateJobs.cron, url, cron: "0 0 1 1 *" }, caller);
  await scheduler.engine.database.runSql(
    "update scheduler.jobs set next_run_at = now() + interval '10 years'",
  );
  await scheduler.close();
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: "bench" });
  // The server goes before the clients do where a run is broken off.
  client.on("error", () => {});
  await client.connect();
  return client;
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}
