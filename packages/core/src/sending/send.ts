import { setTimeout as sleep } from "node:timers/promises";
import { type Log, reasonOf } from "../log.ts";
import { emptyVault, type Vault } from "../secrets/vault.ts";
import type { Versioned } from "../versioned.ts";
import type { Answer, Sending } from "./answer.ts";
import { SecretError } from "./fill.ts";
import { type Message, toSigned } from "./outgoing.ts";
import type { Sender } from "./sender.ts";
import { unsent, withoutSecret } from "./unsent.ts";

/** What is sent, and for whom. */
export interface Outgoing {
  /** Of the execution or the delivery, for the log. */
  id: string;
  scope_id: number;
  /** Which version of its scope's signing secrets it is sent with; or the keys themselves, where it has its own. */
  signing: number | Buffer[];
  /** Which version of its scope's secrets it is sent with; undefined where it needs none. */
  secrets_version?: number | undefined;
  /** What time it is by the database's clock, in milliseconds since 1970. */
  nowMs(): number;
  /** Not before this; at once where it is missing. */
  leavesAtMs?: number;
  /** Asked at the very last: what became of it where it must not leave any more. */
  keepsBack?(now: Date): Answer | undefined;
  /** What is sent; undefined where what is stored makes no request. Throws SecretError. */
  message(secrets: Vault): Message | undefined;
}

/** A request on its way. */
export interface Sent extends Sending {
  /** When it left, by the database's clock; when it is to leave, as long as it has not. */
  startedAt(): Date;
}

/** What a request is sent with. */
export interface Keys {
  /** What scopes sign with. */
  keyring: Versioned<Buffer[]>;
  /** The secrets of scopes. */
  vaults: Versioned<Vault>;
}

/**
 * Sends a request: the keys that sign it and the secrets that it names, then its instant, then the signed request itself,
 * whose answer is on record as `toRecord` makes it. Never throws: what cannot be sent is an answer too, or what it belongs
 * to would stay under way for ever.
 */
export function send(
  { sender, log, ...keys }: Keys & { sender: Sender; log: Log },
  outgoing: Outgoing,
): Sent {
  const { id, nowMs, leavesAtMs = 0 } = outgoing;
  const aheadMs = (): number => leavesAtMs - nowMs();
  let startedAt = new Date(Math.max(leavesAtMs, nowMs()));
  let sending: Sending | undefined;
  const giveUp = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Answer>();

  const leave = (signing: Buffer[], secrets: Vault): void => {
    startedAt = new Date(nowMs());
    const kept = outgoing.keepsBack?.(startedAt);
    if (kept) return resolve(kept);
    try {
      const message = outgoing.message(secrets);
      if (!message) return resolve(unsent("invalid_request"));
      sending = sender.send(toSigned(message, startedAt, signing));
      void sending.answer.then(resolve);
    } catch (error) {
      if (error instanceof SecretError) return resolve(withoutSecret(error.message));
      log.error({ id, err: error }, "a request could not be made");
      resolve(unsent("invalid_request"));
    }
  };
  const leaveInTime = async (signing: Loading<Buffer[]>, secrets: Loading<Vault>): Promise<void> => {
    const [signed, opened] = await Promise.allSettled([signing, secrets]);
    for (const [loaded, what] of [
      [signed, "signing"],
      [opened, "secrets"],
    ] as const) {
      if (loaded.status === "fulfilled") continue;
      log.error({ id, error: reasonOf(loaded.reason) }, `${what} could not be loaded`);
      return resolve(unsent(what));
    }
    // A timer may end a moment early, and a request must not arrive before its time.
    for (let wait = aheadMs(); wait > 0; wait = aheadMs())
      await sleep(Math.ceil(wait), undefined, { signal: giveUp.signal });
    if (!giveUp.signal.aborted) leave(valueOf(signed), valueOf(opened));
  };
  // Not by way of a promise where nothing is to be waited for: then it leaves now.
  const { signing, secrets } = load(keys, outgoing);
  if (signing instanceof Promise || secrets instanceof Promise || aheadMs() > 0)
    void leaveInTime(signing, secrets).catch(() => {});
  else leave(signing, secrets);

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

type Loading<Held> = Held | Promise<Held>;

function load(
  { keyring, vaults }: Keys,
  { scope_id, signing, secrets_version: version }: Outgoing,
): { signing: Loading<Buffer[]>; secrets: Loading<Vault> } {
  return {
    signing: Array.isArray(signing) ? signing : keyring.of(scope_id, signing),
    secrets: version === undefined ? emptyVault : vaults.of(scope_id, version),
  };
}

function valueOf<Held>(settled: PromiseSettledResult<Held>): Held {
  if (settled.status === "fulfilled") return settled.value;
  throw settled.reason;
}
