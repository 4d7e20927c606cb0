import pg from "pg";
import type { TestProject } from "vitest/node";
import { createScheduler } from "../scheduler.ts";
import { startPostgres } from "./postgres-server.ts";
import { templateDatabase } from "./scheduler.ts";

/** One PostgreSQL server for a whole run, with a migrated database that each test file copies. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`create database ${templateDatabase}`);
  await client.end();
  const url = new URL(server.url);
  url.pathname = `/${templateDatabase}`;
  const scheduler = await createScheduler({ databaseUrl: url.href });
  await scheduler.close();
  project.provide("postgresUrl", server.url);
  return () => server[Symbol.asyncDispose]();
}
