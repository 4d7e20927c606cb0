import { setTimeout as sleep } from "node:timers/promises";
import type { Sending } from "./attempt.ts";
import { claimCallbacks, sendCallback, toDeliveryOutcome } from "./callback.ts";
import type { Engine } from "./engine.ts";
import { type DeliveryOutcome, settleDeliveries } from "./notify.sql.ts";
import { isRefused } from "./settle.ts";

/** The loop that tells others what became of executions. */
export interface Notifying {
  /** Answers how many milliseconds to pause before the next. */
  turn(): Promise<number>;
  /** Lets what is under way finish for a while, hands back the rest, and writes what came of it. */
  finish(): Promise<void>;
}

const concurrency = 20;
/** One host that hangs must not hold back what goes to others. */
const perHost = 5;
const pollMs = 1000;
/** Outcomes that come together are written together. */
const gatherMs = 5;
/** Longer than sending and writing takes; a delivery of a worker that died goes out again after this. */
const leaseMs = 30_000;
const finishMs = 5000;

/** Apart from the slots: a receiver of callbacks that is slow never delays a fire. */
export function createNotifying(engine: Engine, wake: () => void): Notifying {
  const underWay = new Map<string, { host: string; sending: Sending; over: Promise<void> }>();
  const outcomes: DeliveryOutcome[] = [];

  async function writeOutcomes(): Promise<void> {
    if (outcomes.length === 0) return;
    await sleep(gatherMs);
    const batch = outcomes.slice();
    await write(batch);
    outcomes.splice(0, batch.length);
  }

  async function write(batch: DeliveryOutcome[]): Promise<void> {
    try {
      await settleDeliveries(engine.database.db, batch, engine.clock.now());
    } catch (error) {
      if (!isRefused(error)) throw error;
      // One outcome that PostgreSQL will not store must not hold up all the others for ever.
      if (batch.length > 1) for (const outcome of batch) await write([outcome]);
      // Dropped here, the delivery is due again when its lease is over.
      else engine.log.error({ delivery: batch[0]!.id, err: error }, "an outcome cannot be stored");
    }
  }

  function fullHosts(): string[] {
    const counts = new Map<string, number>();
    for (const { host } of underWay.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= perHost).map(([host]) => host);
  }

  return {
    async turn() {
      await writeOutcomes();
      const room = concurrency - underWay.size;
      if (room === 0) return pollMs;
      const limits = { room, perHost, fullHosts: fullHosts(), leaseMs };
      const callbacks = await claimCallbacks(engine, limits);
      for (const callback of callbacks) {
        const key = `${callback.id}/${callback.attempt_count}`;
        const sending = sendCallback(engine, callback);
        const over = sending.answer.then((answer) => {
          underWay.delete(key);
          outcomes.push(toDeliveryOutcome(callback, answer));
          wake();
        });
        underWay.set(key, { host: callback.host, sending, over });
      }
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
