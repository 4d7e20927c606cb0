import type { Clock } from "../clock.ts";
import type { Database } from "./connect.ts";
import type { Session } from "./statement.ts";
import type { Tx } from "./tables.ts";

/** Where statements run outside of any transaction, and what time it is for them. */
export function sessionOf({ database, clock }: { database: Database; clock: Clock }): Session {
  return { db: database.db, now: clock.now() };
}

/** Runs statements in one transaction, in which the clock stands still. */
export function inTransaction<Answer>(
  { database, clock }: { database: Database; clock: Clock },
  work: (session: { db: Tx; now: Date | null }) => Promise<Answer>,
): Promise<Answer> {
  const now = clock.now();
  return database.db.transaction().execute((db) => work({ db, now }));
}
