import type { Clock } from "../clock.ts";
import type { Database } from "../database/connect.ts";
import { inTransaction as plainTransaction, sessionOf as plainSession } from "../database/session.ts";
import type { Tx } from "../database/tables.ts";
import type { DeliveryQueue } from "../deliveries/queue.ts";
import type { EndingSession } from "../executions/over.sql.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Keyring } from "../signing/keyring.ts";
import type { Sender } from "../sending/sender.ts";

/** What every step of the road of a fire works with. */
export interface Engine {
  database: Database;
  sender: Sender;
  deliveries: DeliveryQueue;
  keyring: Keyring;
  clock: Clock;
  /** How long history is kept. */
  retentionDays: number;
  /** How long executions that failed are kept. */
  deadLetterDays: number;
  metrics: Metrics;
  log: Log;
}

type Sessions = Pick<Engine, "database" | "clock" | "deliveries">;

/** Where a step of the road runs its statements, outside of any transaction, and what time it is for them. */
export function sessionOf(engine: Sessions): EndingSession {
  return { ...plainSession(engine), deliveries: engine.deliveries };
}

/** Runs statements in one transaction, in which the clock stands still. */
export function inTransaction<Answer>(
  engine: Sessions,
  work: (session: EndingSession & { db: Tx }) => Promise<Answer>,
): Promise<Answer> {
  const { deliveries } = engine;
  return plainTransaction(engine, (session) => work({ ...session, deliveries }));
}
