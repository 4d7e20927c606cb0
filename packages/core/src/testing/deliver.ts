import { sql } from "kysely";
import { claimDeliveries } from "../deliveries/claim.ts";
import { record } from "../deliveries/deliver.ts";
import { sendDelivery, toDeliveryOutcome } from "../deliveries/send-delivery.ts";
import type { DeliveryOutcome } from "../deliveries/deliver.sql.ts";
import type { Limits } from "../deliveries/queue.ts";
import type { Engine } from "../engine/engine.ts";
import type { Scheduler } from "../scheduler.ts";
import type { TestClock } from "./clock.ts";

export const limits: Limits = { count: 20, perReceiver: 20, full: [], fullScopes: [] };

/** Lets the queue of deliveries go by a test's clock: pg-boss asks a function of its own what time it is. */
export async function setQueueTime({ database }: Pick<Engine, "database">, now: Date): Promise<void> {
  await sql
    .raw(
      `create or replace function scheduler_deliveries.job_now() returns timestamptz
      language sql stable as $$ select '${now.toISOString()}'::timestamptz $$`,
    )
    .execute(database.db);
}

/** Sends the deliveries that are due at `at`, step by step and for real; answers what came of them. */
export async function deliver(
  { engine }: Pick<Scheduler, "engine">,
  clock: TestClock,
  at: string | number | Date = clock.now(),
): Promise<DeliveryOutcome[]> {
  clock.set(at);
  await setQueueTime(engine, clock.now());
  const claimed = await claimDeliveries(engine, limits);
  const delivered = await Promise.all(
    claimed.map(async (due) => ({
      claimed: due.claimed,
      outcome: toDeliveryOutcome(due, await sendDelivery(engine, due).answer),
    })),
  );
  await record(engine, delivered);
  return delivered.map(({ outcome }) => outcome);
}
