import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Installation } from "../e2e/installation.ts";
import { type Connection, connectDatabase } from "./connect-database.ts";
import { length } from "./size.ts";
import type { Proxy } from "./tcp-proxy.ts";

interface Harmed {
  postgres: Installation["postgres"];
  proxy: Proxy;
}

/** Something that happens to a database; resolves when it is over. */
type Trouble = (harmed: Harmed) => Promise<void>;

export const troubles: [name: string, happen: Trouble][] = [
  ["cut half-open", cutHalfOpen],
  ["restarted", ({ postgres }) => goAway(postgres, "fast")],
  ["crashed", ({ postgres }) => goAway(postgres, "immediate")],
  ["backends terminated", terminateBackends],
  ["connections exhausted", exhaustConnections],
  ["disk full", fillDisk],
];

async function cutHalfOpen({ proxy }: Harmed): Promise<void> {
  proxy.silence();
  await sleep(length(4000, 20_000));
  proxy.mend();
}

async function goAway(postgres: Harmed["postgres"], how: "fast" | "immediate"): Promise<void> {
  await postgres.stop(how);
  await sleep(length(500, 20_000));
  await postgres.restart();
}

async function terminateBackends({ postgres }: Harmed): Promise<void> {
  await using database = await connectDatabase(postgres.url);
  await repeatFor(length(2000, 20_000), 100, () => terminate(database));
}

async function terminate(database: Connection): Promise<void> {
  await database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'scheduler%'",
  );
}

/** Takes every connection that the server has, and those of the apps as well, as often as they get one back. */
async function exhaustConnections({ postgres }: Harmed): Promise<void> {
  await using taken = new AsyncDisposableStack();
  const database = taken.use(await connectDatabase(postgres.url));
  await repeatFor(length(2500, 20_000), 200, async () => {
    await terminate(database);
    const takeOne = (): Promise<boolean> =>
      connectDatabase(postgres.url).then((one) => taken.use(one) === one, refusedForNumber);
    while (await takeOne());
  });
}

function refusedForNumber(error: pg.DatabaseError): false {
  if (error.code === "53300") return false;
  throw error;
}

async function fillDisk({ postgres }: Harmed): Promise<void> {
  await using database = await connectDatabase(postgres.url);
  await database.query(`
    create function scheduler.refuse() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$;
    create trigger refuse before insert or update on scheduler.executions execute function scheduler.refuse();
    create trigger refuse before insert or update on scheduler.attempts execute function scheduler.refuse();`);
  await sleep(length(2500, 20_000));
  await database.query("drop function scheduler.refuse cascade");
}

async function repeatFor(durationMs: number, everyMs: number, act: () => Promise<void>): Promise<void> {
  for (const end = performance.now() + durationMs; performance.now() < end; await sleep(everyMs)) await act();
}
