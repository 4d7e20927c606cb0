import pg from "pg";

export type Connection = pg.Client & AsyncDisposable;

/** A connection of the test's own, which bears what it does to those of the apps. */
export async function connectDatabase(url: string): Promise<Connection> {
  const client = new pg.Client({ connectionString: url, application_name: "chaos" });
  client.on("error", () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** How many executions are not over. */
export async function countOpen(database: Connection): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::integer as count from scheduler.open_executions",
  );
  return rows[0]!.count;
}
