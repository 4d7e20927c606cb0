import { SchedulerError } from "@org/scheduler-contract";
import { signal } from "../database/signals.ts";
import { requireExecution } from "../executions/require.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import { requireJobKey } from "../jobs/require.ts";
import type { Handlers } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { shareOf } from "../sending/destination.ts";
import { findDelivery, listDeliveries, retryFailed } from "./deliveries.sql.ts";
import { toDelivery } from "./delivery.ts";

export const deliveryOperations: Handlers<"list_deliveries" | "retry_delivery"> = {
  async list_deliveries({ db, caller }, { status, execution_id, job_id, limit, cursor }) {
    const filter = {
      status,
      executionId:
        execution_id === undefined ? undefined : (await requireExecution(db, caller, execution_id)).id,
      jobId: job_id === undefined ? undefined : await requireJobKey(db, caller, job_id),
      beforeId: readCursor("dlv", cursor),
    };
    const rows = await listDeliveries(db, caller.scopeId, { filter, limit });
    return toPage(rows, { limit, prefix: "dlv", view: toDelivery });
  },

  async retry_delivery({ tx, deliveries, caller, now }, { delivery_id }) {
    const id = fromPublicId("dlv", delivery_id);
    const row = id === undefined ? undefined : await findDelivery(tx, caller.scopeId, id);
    if (!row) {
      throw noSuch("delivery", delivery_id, { prefix: "dlv", shown: "GET /v1/deliveries shows yours" });
    }
    const retried = await retryFailed(tx, row.id, now);
    if (retried) {
      const share = shareOf({ scope_id: retried.scope_id, host: new URL(retried.url).host });
      await deliveries.put(tx, [{ id: retried.id, scope_id: retried.scope_id, share, dueAt: now }]);
      await signal(tx, "delivery");
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
