import { setTimeout as sleep } from "node:timers/promises";
import type { Sending } from "./attempt.ts";
import {
  type Callback,
  claimCallbacks,
  databaseMs,
  sendCallback,
  toDeliveryOutcome,
  toHeldBack,
} from "./callback.ts";
import { createCircuits } from "./circuits.ts";
import { type Engine, sessionOf } from "./engine.ts";
import {
  type DeliveryLimits,
  type DeliveryOutcome,
  putOffDeliveries,
  settleDeliveries,
} from "./notify.sql.ts";
import { isRefused } from "./settle.ts";
import { shareOf } from "./shares.ts";

/** The loop that tells others what became of executions. */
export interface Notifying {
  /** Answers how many milliseconds to pause before the next. */
  turn(): Promise<number>;
  /** Lets what is under way finish for a while, hands back the rest, and writes what came of it. */
  finish(): Promise<void>;
}

/** How many callbacks may be under way at once; one that waits for an answer costs next to nothing. */
const places = 100;
/** One host that hangs must not hold back what goes to others, nor a scope with many of them what others send. */
const perHost = 5;
const perScope = 75;
/** How many deliveries to receivers that do not answer are put off in one step. */
const putOffStep = 500;
const pollMs = 1000;
/** Outcomes that come together are written together. */
const gatherMs = 5;
/** Longer than sending and writing takes; a delivery of a worker that died goes out again after this. */
const leaseMs = 30_000;
const finishMs = 5000;

/** Apart from the slots: a receiver of callbacks that is slow never delays a fire. */
export function createNotifying(
  engine: Engine,
  { wake, isUpToDate }: { wake: () => void; isUpToDate: () => boolean },
): Notifying {
  const underWay = new Map<string, { callback: Callback; sending: Sending; over: Promise<void> }>();
  const outcomes: DeliveryOutcome[] = [];
  /** Of receivers; whether a target answers is another matter. */
  const circuits = createCircuits();

  async function writeOutcomes(): Promise<void> {
    if (outcomes.length === 0) return;
    await sleep(gatherMs);
    const batch = outcomes.slice();
    await write(batch);
    outcomes.splice(0, batch.length);
  }

  async function write(batch: DeliveryOutcome[]): Promise<void> {
    try {
      await settleDeliveries(sessionOf(engine), batch);
    } catch (error) {
      if (!isRefused(error)) throw error;
      // One outcome that PostgreSQL will not store must not hold up all the others for ever.
      if (batch.length > 1) for (const outcome of batch) await write([outcome]);
      // Dropped here, the delivery is due again when its lease is over.
      else engine.log.error({ delivery: batch[0]!.id, err: error }, "an outcome cannot be stored");
    }
  }

  function limits(): DeliveryLimits {
    const callbacks = [...underWay.values()].map(({ callback }) => callback);
    const byShare = Map.groupBy(callbacks, shareOf);
    const byScope = Map.groupBy(callbacks, ({ scope_id }) => scope_id);
    return {
      room: places - underWay.size,
      perHost,
      perScope,
      shares: [...byShare].map(([share, held]) => ({ share, left: perHost - held.length })),
      scopes: [...byScope].map(([scope_id, held]) => ({ scope_id, left: perScope - held.length })),
      leaseMs,
    };
  }

  function send(callback: Callback): void {
    const leave = circuits.ask(callback, databaseMs(callback));
    if (leave !== "leaves") return void outcomes.push(toHeldBack(callback, leave));
    const key = `${callback.id}/${callback.attempt_count}`;
    const sending = sendCallback(engine, callback);
    const over = sending.answer.then((answer) => {
      underWay.delete(key);
      circuits.notice(callback, answer, databaseMs(callback));
      outcomes.push(toDeliveryOutcome(callback, answer));
      wake();
    });
    underWay.set(key, { callback, sending, over });
  }

  async function putOff(): Promise<boolean> {
    const open = circuits.open().map((circuit) => ({ share: shareOf(circuit), probe_at: circuit.probe_at }));
    if (open.length === 0) return false;
    return (await putOffDeliveries(sessionOf(engine), open, putOffStep)) === putOffStep;
  }

  return {
    async turn() {
      await writeOutcomes();
      if (await putOff()) return 0;
      if (underWay.size === places || !isUpToDate()) return pollMs;
      const callbacks = await claimCallbacks(engine, limits());
      for (const callback of callbacks) send(callback);
      return callbacks.length > 0 ? 0 : pollMs;
    },
    async finish() {
      const all = () => Promise.all([...underWay.values()].map(({ over }) => over));
      await Promise.race([all(), sleep(finishMs, undefined, { ref: false })]);
      for (const { sending } of underWay.values()) sending.abort("interrupted");
      await all();
      await writeOutcomes();
    },
  };
}
