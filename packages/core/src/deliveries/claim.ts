import type { Clock } from "../clock.ts";
import type { Database } from "../database/connect.ts";
import { inTransaction, sessionOf } from "../database/session.ts";
import type { Cipher } from "../encryption/cipher.ts";
import { reasonOf, type Log } from "../log.ts";
import type { Message } from "../sending/outgoing.ts";
import type { Keys } from "../sending/send.ts";
import type { Sender } from "../sending/sender.ts";
import { callbackOf } from "./callback.ts";
import { type AboutExecution, findPending, findTold, type Told } from "./deliver.sql.ts";
import type { Mailer } from "./mail.ts";
import { type Notification, notificationTo, type ToChannel } from "./notification.ts";
import type { Claimed, DeliveryQueue, Limits } from "./queue.ts";

/** What telling others works with. */
export interface Delivering extends Keys {
  database: Database;
  clock: Clock;
  deliveries: DeliveryQueue;
  sender: Sender;
  /** Without it, no mail is sent. */
  mailer: Mailer | undefined;
  cipher: Cipher | undefined;
  log: Log;
}

/** A delivery that this worker holds, with what it sends. */
export interface Due extends Told {
  claimed: Claimed;
  /** A request to a job's own receiver, or what goes to a channel; or why there is nothing to send. */
  sends: { callback: Message } | { notification: Notification } | { nothing: string };
}

/** Claims deliveries that are due, and loads what they tell: as many statements for many as for one. */
export async function claimDeliveries(delivering: Delivering, limits: Limits): Promise<Due[]> {
  const { deliveries } = delivering;
  const claimed = await deliveries.claim(limits);
  if (claimed.length === 0) return [];
  const session = sessionOf(delivering);
  const pending = await findPending(
    session,
    claimed.map(({ id }) => id),
  );
  const executions = [...pending.values()].flatMap(({ execution_id: id }) => id ?? []);
  const found = await findTold(session, [...new Set(executions)]);
  const over = claimed.filter(({ id }) => !pending.has(id));
  // Deleted with its execution, or recorded as over by a worker that was taken for lost.
  if (over.length > 0) await inTransaction(delivering, ({ db }) => deliveries.end(db, over));
  return claimed.flatMap((one) => {
    const delivery = pending.get(one.id);
    if (!delivery) return [];
    const { execution_id: id } = delivery;
    const about = id === null ? undefined : found.get(id);
    return { ...delivery, claimed: one, sends: sendsOf(delivering, delivery, { number: one.number, about }) };
  });
}

function sendsOf(
  { cipher, log }: Pick<Delivering, "cipher" | "log">,
  delivery: Told,
  { number, about }: { number: number; about: AboutExecution | undefined },
): Due["sends"] {
  if (delivery.execution_id !== null && about === undefined) return { nothing: "Its execution is gone." };
  if (isCallback(delivery)) return { callback: callbackOf(delivery, number, about!) };
  if (!isToChannel(delivery)) return { nothing: "The channel was deleted." };
  if (delivery.disabled_at !== null && delivery.kind !== "test")
    return { nothing: "The channel is disabled; list_channels says why." };
  try {
    return { notification: notificationTo(delivery, { number, about, cipher }) };
  } catch (error) {
    log.error({ delivery: delivery.id, error: reasonOf(error) }, "a notification could not be composed");
    return { nothing: "The channel cannot be read; the worker's log says why." };
  }
}

function isCallback(delivery: Told): delivery is Told & { url: string } {
  return delivery.url !== null;
}

function isToChannel(delivery: Told): delivery is ToChannel {
  return delivery.sealed !== null;
}

/** What time it is by the database's clock, as far as whoever claimed a delivery knows. */
export function databaseMs({ clock, toldAt }: Told): number {
  return clock + performance.now() - toldAt;
}
