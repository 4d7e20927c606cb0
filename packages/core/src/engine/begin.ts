import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../log.ts";
import type { Answer, Sending } from "./attempt.ts";
import type { Circuits } from "./circuits.ts";
import type { Engine } from "./engine.ts";
import { toOutgoing } from "./outgoing.ts";
import { spanOfAttempt } from "./span.ts";
import type { StartedExecution } from "../executions/life.sql.ts";

/** An attempt that this worker makes. */
export interface Begun extends Sending {
  /** When its request left, by the database's clock; when it was to leave, as long as it has not. */
  startedAt(): Date;
}

/**
 * Sends what was claimed, at the very instant it is for where that is a moment ahead. Never throws: what cannot be
 * sent is an answer too, or the execution would stay running for ever. Without `circuits`, nothing is held back; without
 * `isSure`, it is taken for granted that nobody else sends it.
 */
export function begin(
  engine: Engine,
  execution: StartedExecution,
  { circuits, isSure }: { circuits?: Circuits | undefined; isSure?: () => boolean } = {},
): Begun {
  const databaseMs = (): number =>
    engine.clock.now()?.getTime() ?? execution.clock + performance.now() - execution.toldAt;
  const leavesAt = Math.max(execution.scheduled_for.getTime(), execution.due_at?.getTime() ?? 0);
  const aheadMs = (): number => leavesAt - databaseMs();
  let startedAt = new Date(Math.max(leavesAt, databaseMs()));
  let sending: Sending | undefined;
  const giveUp = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Answer>();

  const keys = engine.keyring.keysOf(execution.scope_id, execution.signing_version);

  const send = (signingKeys: Buffer[]): void => {
    startedAt = new Date(databaseMs());
    if (isSure?.() === false) return resolve(unsent("unsure"));
    if (execution.expires_at !== null && startedAt >= execution.expires_at) return resolve(unsent("expired"));
    const leave = circuits?.ask(execution, startedAt.getTime()) ?? "leaves";
    if (leave !== "leaves") return resolve(heldBack(execution.host, leave, startedAt));
    try {
      sending = engine.sender.send(toOutgoing(execution, startedAt, signingKeys));
      void sending.answer.then(resolve);
    } catch (error) {
      engine.log.error({ execution: execution.id, err: error }, "a request could not be made");
      resolve(unsent("invalid_request"));
    }
  };
  const loadKeys = async (): Promise<Buffer[]> => {
    try {
      return await keys;
    } catch (error) {
      engine.log.error(
        { execution: execution.id, error: reasonOf(error) },
        "signing keys could not be loaded",
      );
      resolve(unsent("signing"));
      throw error;
    }
  };
  const sendInTime = async (): Promise<void> => {
    const signingKeys = await loadKeys();
    // A timer may end a moment early, and a request must not arrive before its time.
    for (let wait = aheadMs(); wait > 0; wait = aheadMs())
      await sleep(Math.ceil(wait), undefined, { signal: giveUp.signal });
    giveUp.signal.throwIfAborted();
    send(signingKeys);
  };
  // Not by way of a promise where nothing is to be waited for: then it leaves now.
  if (Array.isArray(keys) && aheadMs() <= 0) send(keys);
  else void sendInTime().catch(() => {});

  const endSpan = spanOfAttempt(execution);
  return {
    answer: promise.then((answer) => {
      // Neither what a host's silence is taken for nor what a tracer makes of an answer may cost the answer.
      try {
        circuits?.notice(execution, answer, databaseMs());
        endSpan(answer);
      } catch (error) {
        engine.log.error({ execution: execution.id, err: error }, "an answer could not be noticed");
      }
      return answer;
    }),
    startedAt: () => startedAt,
    abort(reason) {
      if (sending) return sending.abort(reason);
      giveUp.abort();
      resolve(unsent(reason));
    },
  };
}

const verdicts = {
  canceled: { status: "canceled", errorCode: "canceled", error: "The execution was canceled." },
  interrupted: {
    status: "interrupted",
    errorCode: "worker_lost",
    error: "The worker stopped before the request was sent.",
  },
  // Handed back: whoever has it by then sends it.
  unsure: {
    status: "interrupted",
    errorCode: "worker_lost",
    error: "The worker had not reached the database for so long that another could have taken this over.",
  },
  // Handed back, and then there is no time left for another attempt.
  expired: {
    status: "interrupted",
    errorCode: "worker_lost",
    error: "Its time to live ran out before a slot was free.",
  },
  invalid_request: {
    status: "connection_error",
    errorCode: "invalid_request",
    error: "The request could not be made from what is stored.",
  },
  circuit_open: { status: "connection_error", errorCode: "circuit_open", error: "The host does not answer." },
  signing: {
    status: "connection_error",
    errorCode: "signing",
    error: "The signing secrets could not be read, and nothing is sent unsigned; the worker's log says why.",
  },
} as const;

/** What came of a request that never left. */
export function unsent(why: keyof typeof verdicts): Answer {
  return { ...verdicts[why], statusCode: null, latencyMs: 0, headers: null, body: null, truncated: false };
}

function heldBack(
  host: string,
  { untilMs, failures }: { untilMs: number; failures: number },
  now: Date,
): Answer {
  const until = new Date(untilMs).toISOString();
  return {
    ...unsent("circuit_open"),
    error: `${host} has not answered the last ${failures} requests; the next probe is at ${until}.`,
    heldBackMs: untilMs - now.getTime(),
  };
}
