import { setTimeout as sleep } from "node:timers/promises";
import { isRefused } from "../database/away.ts";
import { inTransaction } from "../database/session.ts";
import { createCircuits } from "../sending/circuits.ts";
import type { Sending } from "../sending/answer.ts";
import { shareOf } from "../sending/destination.ts";
import { disableChannels } from "../channels/channels.sql.ts";
import { claimDeliveries, databaseMs, type Delivering, type Due } from "./claim.ts";
import { type DeliveryOutcome, settleDeliveries } from "./deliver.sql.ts";
import { sendDelivery, toDeliveryOutcome } from "./send-delivery.ts";
import type { Claimed, Limits } from "./queue.ts";

/** The loop that tells others what became of executions. */
export interface Deliveries {
  /** Answers how many milliseconds to pause before the next. */
  turn(): Promise<number>;
  /** Lets what is under way finish for a while, hands back the rest, and writes what came of it. */
  finish(): Promise<void>;
}

/** What came of a delivery, and the claim that it came of. */
export interface Delivered {
  claimed: Claimed;
  outcome: DeliveryOutcome;
}

/** How many deliveries may be under way at once; one that waits for an answer costs next to nothing. */
const places = 100;
/** One receiver that hangs must not hold back what goes to others, nor a scope with many of them what others send. */
const perReceiver = 5;
const perScope = 75;
/** Taken at once, so that a scope is not far beyond what it may have when that is seen. */
const atOnce = 25;
const pollMs = 1000;
/** Outcomes that come together are written together. */
const gatherMs = 5;
const finishMs = 5000;

/** Apart from the slots: a receiver of callbacks that is slow never delays a fire. */
export function createDeliveries(
  delivering: Delivering,
  { wake, isUpToDate }: { wake: () => void; isUpToDate: () => boolean },
): Deliveries {
  const underWay = new Map<string, { due: Due; sending: Sending; over: Promise<void> }>();
  const delivered: Delivered[] = [];
  /** Of receivers; whether a target answers is another matter. */
  const circuits = createCircuits();

  async function writeOutcomes(): Promise<void> {
    if (delivered.length === 0) return;
    await sleep(gatherMs);
    const batch = delivered.slice();
    await write(batch);
    delivered.splice(0, batch.length);
  }

  async function write(batch: Delivered[]): Promise<void> {
    try {
      await record(delivering, batch);
    } catch (error) {
      if (!isRefused(error)) throw error;
      // One outcome that PostgreSQL will not store must not hold up all the others for ever.
      if (batch.length > 1) for (const one of batch) await write([one]);
      // Dropped here, the delivery is due again when it has been held for too long.
      else
        delivering.log.error({ delivery: batch[0]!.claimed.id, err: error }, "an outcome cannot be stored");
    }
  }

  /** Whom the last look gave something to: every other look is for the rest, who may wait behind very many for those. */
  let served: string[] = [];
  let looksBehind = false;

  function limits(): Limits {
    const held = [...underWay.values()].map(({ due }) => due.claimed);
    const byScope = Map.groupBy(held, (claimed) => claimed.scope_id);
    const shares = new Set(held.map(({ share }) => share));
    // Once the time of a probe has come, one request to its receiver is let through.
    const unanswering = circuits
      .open()
      .filter((circuit) => circuit.probe_at.getTime() > databaseNow() || shares.has(shareOf(circuit)));
    return {
      count: Math.min(places - underWay.size, atOnce),
      perReceiver,
      full: [...unanswering.map(shareOf), ...(looksBehind ? served : [])],
      fullScopes: [...byScope].filter(([, of]) => of.length > perScope - atOnce).map(([scope]) => scope),
    };
  }

  /** What time it is by the database's clock, as far as the last claim told. */
  let databaseNow = (): number => Date.now();

  function send(due: Due): void {
    databaseNow = () => databaseMs(due);
    const key = `${due.id}/${due.claimed.number}`;
    const sending = sendDelivery(delivering, due, circuits);
    const over = sending.answer.then((answer) => {
      underWay.delete(key);
      circuits.notice(due, answer, databaseMs(due));
      delivered.push({ claimed: due.claimed, outcome: toDeliveryOutcome(due, answer) });
      wake();
    });
    underWay.set(key, { due, sending, over });
  }

  return {
    async turn() {
      await writeOutcomes();
      if (underWay.size === places || !isUpToDate()) return pollMs;
      const claimed = await claimDeliveries(delivering, limits());
      for (const due of claimed) send(due);
      looksBehind = !looksBehind && claimed.length > 0;
      served = [...new Set(claimed.map((due) => due.claimed.share))];
      return delivered.length > 0 || claimed.length > 0 || looksBehind ? 0 : pollMs;
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

/**
 * Records outcomes, and takes their deliveries out of the queue with that; those that are to be tried again go back in.
 * By the scheduler's own rules for that, and not pg-boss's: a receiver may say when it wants to be asked again, and what
 * is held back counts no attempt.
 */
export function record(delivering: Delivering, batch: Delivered[]): Promise<void> {
  const { deliveries } = delivering;
  return inTransaction(delivering, async (session) => {
    const recorded = await settleDeliveries(
      session,
      batch.map(({ outcome }) => outcome),
    );
    await disableChannels(
      session,
      batch.flatMap(({ outcome }) => outcome.gone ?? []),
    );
    await deliveries.end(
      session.db,
      batch.map(({ claimed }) => claimed),
    );
    const again = batch.flatMap(({ claimed, outcome: { number, held_back: heldBack } }) => {
      const dueAt = recorded.get(claimed.id);
      const { id, scope_id, share } = claimed;
      return dueAt ? [{ id, scope_id, share, made: heldBack ? number - 1 : number, dueAt }] : [];
    });
    await deliveries.put(session.db, again);
  });
}
