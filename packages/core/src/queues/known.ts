import type { Queue } from "@org/scheduler-contract";
import type { Db, Tx } from "../database/tables.ts";
import { newId } from "../ids.ts";
import { toQueue } from "./queue.ts";
import { addQueues, findQueue } from "./queues.sql.ts";

/** A queue as it stands; undefined where nobody has used it yet. */
export async function knownQueue(db: Db, scopeId: number, name: string): Promise<Queue | undefined> {
  const row = await findQueue(db, scopeId, name);
  return row && toQueue(row);
}

/** Makes the queues that jobs name, on first use. */
export async function useQueues(
  { tx, scopeId, now }: { tx: Tx; scopeId: number; now: Date },
  names: string[],
): Promise<void> {
  const queues = [...new Set(names)].map((name) => ({ id: newId(now), name, now }));
  await addQueues(tx, scopeId, queues);
}
