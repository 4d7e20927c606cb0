import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Sending } from "./attempt.ts";
import type { Engine } from "./engine.ts";
import { toOutgoing } from "./outgoing.ts";
import { spanOfAttempt } from "./span.ts";
import type { StartedExecution } from "./start.sql.ts";

/** An attempt that this worker makes. */
export interface Begun extends Sending {
  /** When its request left, by the database's clock; when it was to leave, as long as it has not. */
  startedAt(): Date;
}

/**
 * Sends what was claimed, at the very instant it is for where that is a moment ahead. Never throws: what cannot be
 * sent is an answer too, or the execution would stay running for ever.
 */
export function begin(engine: Engine, execution: StartedExecution): Begun {
  const databaseTime = (): Date =>
    engine.clock.now() ?? new Date(execution.clock.getTime() + performance.now() - execution.toldAt);
  const aheadMs = execution.scheduled_for.getTime() - databaseTime().getTime();
  let startedAt = new Date(databaseTime().getTime() + Math.max(aheadMs, 0));
  let sending: Sending | undefined;
  const giveUp = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Answer>();

  const send = (): void => {
    startedAt = databaseTime();
    try {
      sending = engine.sender.send(toOutgoing(execution, startedAt));
      void sending.answer.then(resolve);
    } catch (error) {
      engine.log.error({ execution: execution.id, err: error }, "a request could not be made");
      resolve(unsent("invalid_request"));
    }
  };
  if (aheadMs <= 0) send();
  // Rounded up: a request must not arrive before its time.
  else void sleep(Math.ceil(aheadMs), undefined, { signal: giveUp.signal }).then(send, () => {});

  const endSpan = spanOfAttempt(execution);
  return {
    answer: promise.then((answer) => {
      endSpan(answer);
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
  invalid_request: {
    status: "connection_error",
    errorCode: "invalid_request",
    error: "The request could not be made from what is stored.",
  },
} as const;

/** What came of a request that never left. */
export function unsent(why: keyof typeof verdicts): Answer {
  return { ...verdicts[why], statusCode: null, latencyMs: 0, headers: null, body: null, truncated: false };
}
