import type { Clock } from "../clock.ts";
import type { Database } from "../database/connect.ts";
import { inTransaction as plainTransaction, sessionOf as plainSession } from "../database/session.ts";
import type { Tx } from "../database/tables.ts";
import type { Mailer } from "../deliveries/mail.ts";
import type { DeliveryQueue } from "../deliveries/queue.ts";
import type { EndingSession } from "../rules/tell.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Cipher } from "../encryption/cipher.ts";
import type { Keys } from "../sending/send.ts";
import type { Sender } from "../sending/sender.ts";

/** What every step of the road of a fire works with. */
export interface Engine extends Keys {
  database: Database;
  sender: Sender;
  deliveries: DeliveryQueue;
  /** Without it, no mail is sent. */
  mailer: Mailer | undefined;
  /** Without it, nothing that was encrypted can be read. */
  cipher: Cipher | undefined;
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
