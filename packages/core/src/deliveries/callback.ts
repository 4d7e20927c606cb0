import type { Clock } from "../clock.ts";
import type { Database } from "../database/connect.ts";
import { inTransaction, sessionOf } from "../database/session.ts";
import type { Keyring } from "../signing/keyring.ts";
import { toAttempt, toExecution } from "../executions/execution.ts";
import { toPublicId } from "../ids.ts";
import type { Log } from "../log.ts";
import { defaultRetry } from "../time/retry.ts";
import type { Answer, Sending } from "../sending/answer.ts";
import type { Sender } from "../sending/sender.ts";
import type { Circuits } from "../sending/circuits.ts";
import { judge } from "../sending/outcome.ts";
import type { Message } from "../sending/outgoing.ts";
import { send } from "../sending/send.ts";
import { heldBack } from "../sending/unsent.ts";
import { type DeliveryOutcome, findPending, findTold, type Told } from "./deliver.sql.ts";
import type { Claimed, DeliveryQueue, Limits } from "./queue.ts";

/** A receiver of callbacks only takes notice: it need not be waited for as long as one that does the work. */
const timeoutMs = 15_000;

/** What telling others works with. */
export interface Delivering {
  database: Database;
  clock: Clock;
  deliveries: DeliveryQueue;
  sender: Sender;
  keyring: Keyring;
  log: Log;
}

/** A delivery that this worker holds, with what it sends; without that where its execution is gone. */
export interface Callback extends Told {
  claimed: Claimed;
  sent: Message | undefined;
}

/** Claims callbacks that are due, and loads what they tell: as many statements for many as for one. */
export async function claimCallbacks(delivering: Delivering, limits: Limits): Promise<Callback[]> {
  const { deliveries } = delivering;
  const claimed = await deliveries.claim(limits);
  if (claimed.length === 0) return [];
  const session = sessionOf(delivering);
  const pending = await findPending(
    session,
    claimed.map(({ id }) => id),
  );
  const found = await findTold(
    session,
    [...pending.values()].map((delivery) => delivery.execution_id),
  );
  const over = claimed.filter(({ id }) => !pending.has(id));
  // Deleted with its execution, or recorded as over by a worker that was taken for lost.
  if (over.length > 0) await inTransaction(delivering, ({ db }) => deliveries.end(db, over));
  return claimed.flatMap((one) => {
    const delivery = pending.get(one.id);
    if (!delivery) return [];
    const about = found.get(delivery.execution_id);
    return { ...delivery, claimed: one, sent: about && toMessage(delivery, one, about) };
  });
}

type About = NonNullable<ReturnType<Awaited<ReturnType<typeof findTold>>["get"]>>;

function toMessage(delivery: Told, { number }: Claimed, { execution, attempt }: About): Message {
  const deliveryId = toPublicId("dlv", delivery.id);
  const jobId = toPublicId("job", delivery.job_id);
  return {
    deliveryId,
    attempt: number,
    jobId,
    scheduledFor: execution.scheduled_for,
    method: "POST",
    url: delivery.url,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      type: "execution.finished",
      id: deliveryId,
      created_at: delivery.created_at.toISOString(),
      job: { id: jobId, name: execution.job_name, metadata: execution.job_metadata },
      execution: toExecution(execution),
      attempt: attempt === undefined ? null : toAttempt(attempt),
    }),
    timeoutMs,
    followRedirects: false,
  };
}

/** Sends a callback, signed as its scope signs. Without `circuits`, none is held back. */
export function sendCallback(delivering: Delivering, callback: Callback, circuits?: Circuits): Sending {
  return send(delivering, {
    id: callback.id,
    scope_id: callback.scope_id,
    signing_version: callback.signing_version,
    nowMs: () => delivering.clock.now()?.getTime() ?? databaseMs(callback),
    keepsBack(now) {
      const leave = circuits?.ask(callback, now.getTime()) ?? "leaves";
      return leave === "leaves" ? undefined : heldBack(callback.host, leave, { now, asked: "callbacks" });
    },
    message: () => callback.sent,
  });
}

/** What time it is by the database's clock, as far as whoever claimed a delivery knows. */
export function databaseMs({ clock, toldAt }: Told): number {
  return clock + performance.now() - toldAt;
}

/**
 * What an answer means for the delivery: 2xx is heard, everything else as the default retry policy has it. One that was
 * held back is due again at the next probe of its receiver.
 */
export function toDeliveryOutcome(callback: Callback, answer: Answer): DeliveryOutcome {
  const of = { id: callback.id, number: callback.claimed.number, status_code: answer.statusCode };
  if (answer.heldBackMs !== undefined) {
    const { heldBackMs: retry_ms, errorCode: error_code, error } = answer;
    return { ...of, status: "pending", retry_ms, held_back: true, error_code, error };
  }
  const rules = {
    attempts: callback.claimed.number,
    successStatuses: ["2xx" as const],
    assertions: null,
    retry: defaultRetry,
    now: databaseMs(callback),
  };
  const { next, retryMs, errorCode, error } = judge(answer, rules, Math.random());
  return {
    ...of,
    status: next === "succeeded" ? "sent" : retryMs === null ? "failed" : "pending",
    retry_ms: retryMs,
    error_code: errorCode,
    error,
  };
}
