import pg from "pg";

export type Connection = pg.Client & AsyncDisposable;

/** A connection of the test's own, which bears what it does to those of the apps. */
export async function connectDatabase(url: string): Promise<Connection> {
  const client = new pg.Client({ connectionString: url, application_name: "chaos" });
  client.on("error", () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

/** What should be gone once everything is done. */
export async function countOpen(database: Connection): Promise<{ open: number; tickets: number }> {
  const { rows } = await database.query<{ open: number; tickets: number }>(
    `select (select count(*)::integer from scheduler.open_executions) as open,
      (select count(*)::integer from scheduler_tickets.job) as tickets`,
  );
  return rows[0]!;
}
