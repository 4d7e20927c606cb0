import { claimCallbacks, sendCallback, toDeliveryOutcome } from "../engine/callback.ts";
import { type DeliveryOutcome, settleDeliveries } from "../engine/notify.sql.ts";
import type { Scheduler } from "../scheduler.ts";
import type { TestClock } from "./clock.ts";

export const limits = { room: 20, perHost: 20, perScope: 20, shares: [], scopes: [], leaseMs: 30_000 };

/** Sends the callbacks that are due at `at`, step by step and for real; answers what came of them. */
export async function deliver(
  { engine }: Pick<Scheduler, "engine">,
  clock: TestClock,
  at: string | number | Date = clock.now(),
): Promise<DeliveryOutcome[]> {
  clock.set(at);
  const callbacks = await claimCallbacks(engine, limits);
  const outcomes = await Promise.all(
    callbacks.map(async (callback) =>
      toDeliveryOutcome(callback, await sendCallback(engine, callback).answer),
    ),
  );
  await settleDeliveries({ db: engine.database.db, now: clock.now() }, outcomes);
  return outcomes;
}
