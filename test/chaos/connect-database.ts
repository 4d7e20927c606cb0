import pg from "pg";

/** A connection to the apps' database of the test's own, which no trouble that it makes for them ends. */
export async function connectDatabase(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url, application_name: "chaos" });
  client.on("error", () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
