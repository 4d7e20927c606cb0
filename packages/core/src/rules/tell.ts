import { signal } from "../database/signals.ts";
import type { Session } from "../database/statement.ts";
import type { Db, Tx } from "../database/tables.ts";

/** A delivery that is to be made: somebody is told of something. */
export interface DueDelivery {
  id: string;
  scope_id: number;
  /** Of whose share of what is under way it is: that of its receiver. */
  share: string;
  /** How many attempts were made before. */
  made?: number;
  /** Not sooner than this. */
  dueAt: Date;
}

/** Carries what is told to those who are told. */
export interface Carrier {
  /** Makes deliveries due, as part of a transaction. One that is due already stays as it is. */
  put(db: Db | Tx, deliveries: DueDelivery[]): Promise<void>;
  /** Makes deliveries due at another time than before. */
  move(tx: Tx, deliveries: DueDelivery[]): Promise<void>;
}

/** Where executions may end: a transaction, with the carrier of what is told of them. */
export interface EndingSession extends Session {
  deliveries: Carrier;
}

/** Makes deliveries due, and lets workers know. */
export async function tell(
  { db, deliveries }: Pick<EndingSession, "db" | "deliveries">,
  due: DueDelivery[],
): Promise<void> {
  if (due.length === 0) return;
  await deliveries.put(db, due);
  await signal(db, "delivery");
}
