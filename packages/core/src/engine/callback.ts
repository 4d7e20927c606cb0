import { toAttempt, toExecution } from "../executions/execution.ts";
import { toPublicId } from "../ids.ts";
import { reasonOf } from "../log.ts";
import { defaultRetry } from "../time/retry.ts";
import type { Answer, Sending } from "./attempt.ts";
import { unsent } from "./begin.ts";
import { type Engine, sessionOf } from "./engine.ts";
import {
  type ClaimedDelivery,
  type DeliveryOutcome,
  type DeliveryLimits,
  claimDeliveries,
  findTold,
} from "./notify.sql.ts";
import { judge } from "./outcome.ts";
import { type Message, toSigned } from "./outgoing.ts";

/** A receiver of callbacks only takes notice: it need not be waited for as long as one that does the work. */
const timeoutMs = 15_000;

/** A delivery with what it sends; without that where its execution is gone. */
export interface Callback extends ClaimedDelivery {
  sent: Message | undefined;
}

/** Claims callbacks that are due, and loads what they tell: three statements for however many. */
export async function claimCallbacks(engine: Engine, limits: DeliveryLimits): Promise<Callback[]> {
  const session = sessionOf(engine);
  const claimed = await claimDeliveries(session, limits);
  if (claimed.length === 0) return [];
  const found = await findTold(
    session,
    claimed.map((delivery) => delivery.execution_id),
  );
  return claimed.map((delivery) => {
    const about = found.get(delivery.execution_id);
    return { ...delivery, sent: about && toMessage(delivery, about) };
  });
}

type Told = NonNullable<ReturnType<Awaited<ReturnType<typeof findTold>>["get"]>>;

function toMessage(delivery: ClaimedDelivery, { execution, attempt }: Told): Message {
  const deliveryId = toPublicId("dlv", delivery.id);
  const jobId = toPublicId("job", delivery.job_id);
  return {
    deliveryId,
    attempt: delivery.attempt_count,
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

/** Sends a callback, signed as its scope signs. Never rejects: what cannot be sent is an answer too. */
export function sendCallback(engine: Engine, callback: Callback): Sending {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const giveUp = new AbortController();
  let sending: Sending | undefined;

  const send = async (): Promise<void> => {
    if (!callback.sent) return resolve(unsent("invalid_request"));
    let keys: Buffer[];
    try {
      keys = await engine.keyring.keysOf(callback.scope_id, callback.signing_version);
    } catch (error) {
      engine.log.error({ delivery: callback.id, error: reasonOf(error) }, "signing keys could not be loaded");
      return resolve(unsent("signing"));
    }
    if (giveUp.signal.aborted) return;
    const now = engine.clock.now() ?? new Date(databaseMs(callback));
    sending = engine.sender.send(toSigned(callback.sent, now, keys));
    resolve(await sending.answer);
  };
  send().catch((error: unknown) => {
    engine.log.error({ delivery: callback.id, err: error }, "a callback could not be made");
    resolve(unsent("invalid_request"));
  });
  return {
    answer: promise,
    abort(reason) {
      if (sending) return sending.abort(reason);
      giveUp.abort();
      resolve(unsent(reason));
    },
  };
}

/** What time it is by the database's clock, as far as whoever claimed a delivery knows. */
export function databaseMs({ clock, toldAt }: ClaimedDelivery): number {
  return clock + performance.now() - toldAt;
}

/** What an answer means for the delivery: 2xx is heard, everything else as the default retry policy has it. */
export function toDeliveryOutcome(callback: ClaimedDelivery, answer: Answer): DeliveryOutcome {
  const rules = {
    attempts: callback.attempt_count,
    successStatuses: ["2xx" as const],
    assertions: null,
    retry: defaultRetry,
    now: databaseMs(callback),
  };
  const { next, retryMs, errorCode, error } = judge(answer, rules, Math.random());
  return {
    id: callback.id,
    number: callback.attempt_count,
    status: next === "succeeded" ? "sent" : retryMs === null ? "failed" : "pending",
    retry_ms: retryMs,
    status_code: answer.statusCode,
    error_code: errorCode,
    error,
  };
}

/** A delivery that is not sent, since its receiver does not answer: it is due again at the receiver's next probe. */
export function toHeldBack(
  callback: ClaimedDelivery,
  { untilMs, failures }: { untilMs: number; failures: number },
): DeliveryOutcome {
  return {
    id: callback.id,
    number: callback.attempt_count,
    status: "pending",
    retry_ms: untilMs - databaseMs(callback),
    held_back: true,
    status_code: null,
    error_code: "circuit_open",
    error: `${callback.host} has not answered the last ${failures} callbacks; the next probe is at ${new Date(untilMs).toISOString()}.`,
  };
}
