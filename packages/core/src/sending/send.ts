import { setTimeout as sleep } from "node:timers/promises";
import { type Log, reasonOf } from "../log.ts";
import type { Keyring } from "../signing/keyring.ts";
import type { Answer, Sending } from "./answer.ts";
import { type Message, toSigned } from "./outgoing.ts";
import type { Sender } from "./sender.ts";
import { unsent } from "./unsent.ts";

/** What is sent, and for whom. */
export interface Outgoing {
  /** Of the execution or the delivery, for the log. */
  id: string;
  scope_id: number;
  /** Which version of its scope's signing secrets it is sent with. */
  signing_version: number;
  /** What time it is by the database's clock, in milliseconds since 1970. */
  nowMs(): number;
  /** Not before this; at once where it is missing. */
  leavesAtMs?: number;
  /** Asked at the very last: what became of it where it must not leave any more. */
  keepsBack?(now: Date): Answer | undefined;
  /** What is sent; undefined where what is stored makes no request. */
  message(): Message | undefined;
}

/** A request on its way. */
export interface Sent extends Sending {
  /** When it left, by the database's clock; when it is to leave, as long as it has not. */
  startedAt(): Date;
}

/**
 * Sends a request: the keys that sign it, then its instant, then the signed request itself, whose answer is on record as
 * `toRecord` makes it. Never throws: what cannot be sent is an answer too, or what it belongs to would stay under way for
 * ever.
 */
export function send(
  { sender, keyring, log }: { sender: Sender; keyring: Keyring; log: Log },
  outgoing: Outgoing,
): Sent {
  const { id, nowMs, leavesAtMs = 0 } = outgoing;
  const aheadMs = (): number => leavesAtMs - nowMs();
  let startedAt = new Date(Math.max(leavesAtMs, nowMs()));
  let sending: Sending | undefined;
  const giveUp = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Answer>();

  const leave = (keys: Buffer[]): void => {
    startedAt = new Date(nowMs());
    const kept = outgoing.keepsBack?.(startedAt);
    if (kept) return resolve(kept);
    try {
      const message = outgoing.message();
      if (!message) return resolve(unsent("invalid_request"));
      sending = sender.send(toSigned(message, startedAt, keys));
      void sending.answer.then(resolve);
    } catch (error) {
      log.error({ id, err: error }, "a request could not be made");
      resolve(unsent("invalid_request"));
    }
  };
  const leaveInTime = async (loading: Promise<Buffer[]> | Buffer[]): Promise<void> => {
    let keys: Buffer[];
    try {
      keys = await loading;
    } catch (error) {
      log.error({ id, error: reasonOf(error) }, "signing keys could not be loaded");
      return resolve(unsent("signing"));
    }
    // A timer may end a moment early, and a request must not arrive before its time.
    for (let wait = aheadMs(); wait > 0; wait = aheadMs())
      await sleep(Math.ceil(wait), undefined, { signal: giveUp.signal });
    if (!giveUp.signal.aborted) leave(keys);
  };
  // Not by way of a promise where nothing is to be waited for: then it leaves now.
  const keys = keyring.keysOf(outgoing.scope_id, outgoing.signing_version);
  if (Array.isArray(keys) && aheadMs() <= 0) leave(keys);
  else void leaveInTime(keys).catch(() => {});

  return {
    answer: promise,
    startedAt: () => startedAt,
    abort(reason) {
      if (sending) return sending.abort(reason);
      giveUp.abort();
      resolve(unsent(reason));
    },
  };
}
