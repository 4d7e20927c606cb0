import { sql } from "kysely";
import type { Database, StopListening } from "./connect.ts";
import type { Db, Tx } from "./tables.ts";

/** The notices that processes give each other. All are hints: whoever misses one finds out by polling. */
const channels = {
  /** Something is due sooner than planners may expect. */
  due: "scheduler_due",
  /** Somebody is to be told of an end. */
  delivery: "scheduler_delivery",
  /** A running execution is to be aborted; the payload is its UUID. */
  cancel: "scheduler_cancel",
} as const;

type Channel = keyof typeof channels;

/** Sends a notice when the transaction commits. One per transaction at the most: notices queue under one lock. */
export async function signal(db: Db | Tx, channel: Channel, payload = ""): Promise<void> {
  await sql`select pg_notify(${channels[channel]}, ${payload})`.execute(db);
}

export type Listener = Record<Channel, (payload: string) => void>;

/** Calls back on every notice, and on each channel after a reconnect. */
export function listen(database: Database, listener: Listener): Promise<StopListening> {
  const byChannel = new Map(
    Object.entries(channels).map(([name, channel]) => [channel as string, name as Channel]),
  );
  return database.listen([...byChannel.keys()], (channel, payload) =>
    listener[byChannel.get(channel)!](payload),
  );
}
