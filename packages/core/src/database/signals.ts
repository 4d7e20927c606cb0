import { sql } from "kysely";
import type { Database, StopListening } from "./connect.ts";
import type { Db, Tx } from "./tables.ts";

/** The signals that processes give each other, by LISTEN and NOTIFY. All are hints: a process that misses one polls. */
const channels = {
  /** A job or an execution is due sooner than planners may expect, or a queue goes on. */
  due: "scheduler_due",
  /** A delivery is due: somebody is to be told of the end of an execution. */
  delivery: "scheduler_delivery",
  /** A running execution is to be aborted; the payload is its UUID. */
  cancel: "scheduler_cancel",
} as const;

type Channel = keyof typeof channels;

/** Gives a signal when the transaction commits. One per transaction at the most: PostgreSQL queues them under one lock. */
export async function signal(db: Db | Tx, channel: Channel, payload = ""): Promise<void> {
  await sql`select pg_notify(${channels[channel]}, ${payload})`.execute(db);
}

export type Listener = Record<Channel, (payload: string) => void>;

/** Calls back on every signal, and on each channel after a reconnect. */
export function listen(database: Database, listener: Listener): Promise<StopListening> {
  const byChannel = new Map(
    Object.entries(channels).map(([name, channel]) => [channel as string, name as Channel]),
  );
  return database.listen([...byChannel.keys()], (channel, payload) =>
    listener[byChannel.get(channel)!](payload),
  );
}
