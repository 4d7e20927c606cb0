import type { Clock } from "../clock.ts";
import type { Database } from "../database/connect.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { TicketQueue } from "../queue/queue.ts";
import type { Keyring } from "../signing/keyring.ts";
import type { Sender } from "./attempt.ts";

/** What every step of the road of a fire works with. */
export interface Engine {
  database: Database;
  queue: TicketQueue;
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
