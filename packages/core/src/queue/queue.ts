import { fromKysely, fromPglite, PgBoss } from "pg-boss";
import { NIL } from "uuid";
import type { Database } from "../database/connect.ts";
import type { Tx } from "../database/tables.ts";
import type { Log } from "../log.ts";

/**
 * The tickets of executions that are ready and found no free slot where they were planned. A ticket is pg-boss's
 * job: its id is the execution's, and it is gone as soon as a worker holds that execution. Nothing waits here for a
 * time to come.
 */
export interface TicketQueue {
  /** Puts tickets in, as part of the transaction. A ticket that is there already stays one. */
  put(tx: Tx, tickets: Ticket[]): Promise<void>;
  /**
   * Takes up to `count` tickets out, oldest first, none of them of a share in `full`. Roll the transaction back
   * and they were never taken.
   */
  take(tx: Tx, options: { count: number; full: string[] }): Promise<Ticket[]>;
  close(): Promise<void>;
}

export interface Ticket {
  /** The execution's. */
  id: string;
  /** Of whose share of the slots it is to be sent. */
  share: string;
}

const schema = "scheduler_tickets";
const queue = "executions";

/** Sets pg-boss up in its own schema, with none of its clocks: no schedules, no expiry, no supervision. */
export async function openTicketQueue(database: Database, log: Log): Promise<TicketQueue> {
  const boss = new PgBoss({
    schema,
    backend: database.embedded ? "pglite" : "postgres",
    db: database.embedded ? fromPglite(database.embedded) : { executeSql: database.runSql },
    schedule: false,
    supervise: false,
  });
  boss.on("error", (error) => log.warn({ error: error.message }, "the ticket queue reports an error"));
  await boss.start();
  await boss.createQueue(queue, { retryLimit: 0 });
  // Makes pg-boss read and keep the queue's settings now: it does so on a connection of its own, and inside a
  // transaction the embedded database's only connection is taken.
  await boss.findJobs(queue, { id: NIL });
  return {
    async put(tx, tickets) {
      if (tickets.length === 0) return;
      const rows = tickets.map(({ id, share }) => ({ id, group: { id: share } }));
      await boss.insert(queue, rows, { db: fromKysely(tx), returnId: false });
    },
    async take(tx, { count, full }) {
      const db = fromKysely(tx);
      const taken = await boss.fetch(queue, { batchSize: count, ignoreGroups: full, db });
      if (taken.length === 0) return [];
      const tickets = taken.map(({ id, groupId }) => ({ id, share: groupId ?? "" }));
      await boss.deleteJob(
        queue,
        tickets.map(({ id }) => id),
        { db },
      );
      return tickets;
    },
    close: () => boss.stop({ graceful: false, close: false }),
  };
}
