import { SchedulerError } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import { reachOf } from "../access/reach.sql.ts";
import type { Db } from "../database/tables.ts";
import { tell } from "../rules/tell.ts";
import { requireExecution } from "../executions/require.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import { requireJobKey } from "../jobs/require.ts";
import { type Handlers, sessionIn } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { findDelivery, knowsChannel, listDeliveries, retryFailed } from "./deliveries.sql.ts";
import { toDelivery } from "./delivery.ts";

/** Also of a channel that was deleted: what was sent to it is on record. */
async function requireChannelKey(db: Db, caller: Caller, given: string): Promise<string> {
  const id = fromPublicId("chan", given);
  if (id !== undefined && (await knowsChannel(db, caller.scopeId, id))) return id;
  throw noSuch("channel", given, { prefix: "chan", shown: "list_channels shows yours" });
}

export const deliveryOperations: Handlers<"list_deliveries" | "retry_delivery"> = {
  async list_deliveries({ db, caller }, { status, kind, channel_id, execution_id, job_id, limit, cursor }) {
    const filter = {
      status,
      kind,
      channelId: channel_id === undefined ? undefined : await requireChannelKey(db, caller, channel_id),
      executionId:
        execution_id === undefined ? undefined : (await requireExecution(db, caller, execution_id)).id,
      jobId: job_id === undefined ? undefined : await requireJobKey(db, caller, job_id),
      beforeId: readCursor("dlv", cursor),
    };
    const rows = await listDeliveries(db, reachOf(caller, "executions"), { filter, limit });
    return toPage(rows, { limit, prefix: "dlv", view: toDelivery });
  },

  async retry_delivery(context, { delivery_id }) {
    const { tx, caller, now } = context;
    const uuid = fromPublicId("dlv", delivery_id);
    const row = uuid === undefined ? undefined : await findDelivery(tx, reachOf(caller, "trigger"), uuid);
    if (!row) {
      throw noSuch("delivery", delivery_id, { prefix: "dlv", shown: "GET /v1/deliveries shows yours" });
    }
    const retried = await retryFailed(tx, row.id, now);
    if (retried) {
      const { id, scope_id, share } = retried;
      await tell(sessionIn(context), [{ id, scope_id, share, dueAt: now }]);
      return toDelivery(retried);
    }
    throw new SchedulerError(
      "conflict",
      `This delivery is ${row.status}; only a failed one can be retried.`,
      {
        hint: "GET /v1/deliveries?status=failed shows the failed ones.",
      },
    );
  },
};
