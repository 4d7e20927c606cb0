import { fromKysely, fromPglite, PgBoss } from "pg-boss";
import { NIL } from "uuid";
import type { Database } from "../database/connect.ts";
import type { Db, Tx } from "../database/tables.ts";
import type { Carrier, DueDelivery } from "../rules/tell.ts";
import type { Log } from "../log.ts";

/**
 * Carries what is told after executions: pg-boss, and the only file that knows it. A job of pg-boss's has the id of its
 * delivery and is there until the delivery is over; `deliveries` is the record that people see. Receivers are groups:
 * pg-boss counts how much is under way to each, on all workers together.
 */
export interface DeliveryQueue extends Carrier {
  /** Takes deliveries that are due, the oldest first. They are this worker's for `heldMs`. */
  claim(limits: Limits): Promise<Claimed[]>;
  /** Takes deliveries out that this worker holds, as part of the transaction that records what came of them. */
  end(tx: Tx, claimed: Claimed[]): Promise<void>;
  /** Takes out what nobody could carry: each try was lost with its worker. Answers the ids of those deliveries. */
  takeLost(tx: Tx): Promise<string[]>;
  /** Gives back what lost workers held for too long. */
  supervise(): Promise<void>;
  close(): Promise<void>;
}

/** A delivery that a worker holds. */
export interface Claimed extends Omit<DueDelivery, "made" | "dueAt"> {
  /** Which attempt this is, from 1. */
  number: number;
  /** How often pg-boss gave it out: who holds an older claim has lost it. */
  retryCount: number;
}

export interface Limits {
  count: number;
  /** How many of one receiver may be under way. */
  perReceiver: number;
  /** Receivers that get nothing at the moment. */
  full: string[];
  /** Scopes that get nothing at the moment. */
  fullScopes: number[];
}

/** How often a delivery is tried. */
const maxAttempts = 8;

/** Longer than sending and writing takes. After this, the worker is taken for lost and the delivery is due again. */
const heldMs = 30_000;

/** As good as for ever; pg-boss stores an integer of 32 bits. */
const foreverSeconds = 50 * 365 * 24 * 60 * 60;

const schema = "scheduler_deliveries";
const queue = "deliveries";
const lost = "lost";

/** Sets pg-boss up in a schema of its own, without timers of its own: whoever looks after workers looks after it. */
export async function openDeliveryQueue(database: Database, log: Log): Promise<DeliveryQueue> {
  const boss = new PgBoss({
    schema,
    backend: database.embedded ? "pglite" : "postgres",
    db: database.embedded ? fromPglite(database.embedded) : { executeSql: database.runSql },
    schedule: false,
    supervise: false,
    monitorIntervalSeconds: 1,
  });
  boss.on("error", (error) => log.warn({ error: error.message }, "the queue of deliveries reports an error"));
  await boss.start();
  await boss.createQueue(lost, { retryLimit: 0, retentionSeconds: foreverSeconds });
  await boss.createQueue(queue, {
    expireInSeconds: heldMs / 1000,
    retryLimit: maxAttempts - 1,
    retryDelay: 0,
    // pg-boss takes away what has waited for longer. Here a delivery is over when its record says so.
    retentionSeconds: foreverSeconds,
    deadLetter: lost,
  });
  // Makes pg-boss read and keep the settings of its queues now: it does so on a connection of its own, and inside a
  // transaction the embedded database's only connection is taken.
  for (const name of [queue, lost]) await boss.findJobs(name, { id: NIL });

  async function put(db: Db | Tx, deliveries: DueDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const jobs = deliveries.map(({ id, scope_id, share, made = 0, dueAt: startAfter }) => ({
      id,
      data: { made },
      group: { id: share, tier: String(scope_id) },
      // The last attempt may have been handed back by a worker that stopped: then there is one more.
      retryLimit: Math.max(0, maxAttempts - 1 - made),
      startAfter,
    }));
    await boss.insert(queue, jobs, { db: fromKysely(db), returnId: false });
  }

  return {
    put,
    async move(tx, deliveries) {
      await boss.deleteJob(
        queue,
        deliveries.map(({ id }) => id),
        { db: fromKysely(tx) },
      );
      await put(tx, deliveries);
    },
    async claim({ count, perReceiver, full, fullScopes }) {
      const tiers = Object.fromEntries(fullScopes.map((scope) => [String(scope), 0]));
      const jobs = await boss.fetch<{ made: number }>(queue, {
        batchSize: count,
        groupConcurrency: { default: perReceiver, tiers },
        ignoreGroups: full,
      });
      return jobs.map(({ id, data: { made }, groupId, groupTier, retryCount }) => ({
        id,
        scope_id: Number(groupTier),
        share: groupId!,
        number: made + retryCount + 1,
        retryCount,
      }));
    },
    async end(tx, claimed) {
      if (claimed.length > 0) await boss.deleteJob(queue, claimed, { db: fromKysely(tx) });
    },
    async takeLost(tx) {
      const db = fromKysely(tx);
      const jobs = await boss.fetch(lost, { batchSize: 100, includeMetadata: true, db });
      if (jobs.length === 0) return [];
      const ids = jobs.map(({ sourceId }) => sourceId!);
      await boss.deleteJob(lost, jobs, { db });
      // pg-boss keeps the job that failed beside its copy; under its id, the delivery could not be put in again.
      await boss.deleteJob(queue, ids, { db });
      return ids;
    },
    supervise: () => boss.supervise(queue),
    close: () => boss.stop({ graceful: false, close: false }),
  };
}
