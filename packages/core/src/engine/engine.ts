import type { Clock } from "../clock.ts";
import type { Database } from "../database/connect.ts";
import type { Session } from "../database/statement.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Keyring } from "../signing/keyring.ts";
import type { Sender } from "./attempt.ts";

/** What every step of the road of a fire works with. */
export interface Engine {
  database: Database;
  sender: Sender;
  keyring: Keyring;
  clock: Clock;
  /** How long history is kept. */
  retentionDays: number;
  /** How long executions that failed are kept. */
  deadLetterDays: number;
  metrics: Metrics;
  log: Log;
}

/** Where a step of the road runs its statements, outside of any transaction, and what time it is for them. */
export function sessionOf({ database, clock }: Pick<Engine, "database" | "clock">): Session {
  return { db: database.db, now: clock.now() };
}

/** Runs statements in one transaction, in which the clock stands still. */
export function inTransaction<Answer>(
  { database, clock }: Pick<Engine, "database" | "clock">,
  work: (session: Session) => Promise<Answer>,
): Promise<Answer> {
  const now = clock.now();
  return database.db.transaction().execute((db) => work({ db, now }));
}
