import { NIL } from "uuid";
import { inTransaction, sessionOf } from "../database/session.ts";
import type { Delivering } from "./claim.ts";
import { findStray, hasPending, loseDeliveries } from "./deliver.sql.ts";

/** How far the walk through deliveries has come that should be in the queue. */
export interface Walk {
  after: { dueAt: Date; id: string };
}

export const start = (): Walk => ({ after: { dueAt: new Date(0), id: NIL } });

const stretch = 500;

/**
 * Gives deliveries back that lost workers held, records those that nobody could carry, and puts those into the queue that
 * are not in it, as after a restore: they are on record, and that is what counts.
 */
export async function lookAfterDeliveries(
  delivering: Pick<Delivering, "database" | "clock" | "deliveries" | "log">,
  walk: Walk,
): Promise<void> {
  const { deliveries, log } = delivering;
  // To look costs a dozen statements, which requests that leave meanwhile would feel.
  if (!(await hasPending(sessionOf(delivering)))) return;
  await deliveries.supervise();
  const lost = await inTransaction(delivering, async (session) => {
    const ids = await deliveries.takeLost(session.db);
    await loseDeliveries(session, ids);
    return ids;
  });
  if (lost.length > 0) log.warn({ deliveries: lost }, "gave deliveries up whose workers were all lost");
  const session = sessionOf(delivering);
  const stray = await findStray(session, { after: walk.after, limit: stretch });
  await deliveries.put(session.db, stray);
  const last = stray.at(-1);
  walk.after = last && stray.length === stretch ? last : start().after;
}
