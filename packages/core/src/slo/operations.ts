import { countDue } from "./due.sql.ts";
import { firstIdAt } from "../ids.ts";
import type { Handlers } from "../operations/context.ts";
import { measureSlo } from "./slo.sql.ts";

export const sloOperations: Handlers<"get_slo"> = {
  async get_slo(context, { window_seconds }) {
    const to = await context.now();
    const from = new Date(to.getTime() - window_seconds * 1000);
    const { lateness, ...counts } = await measureSlo(context.db, context.caller.scopeId, {
      fromId: firstIdAt(from),
      // What was made in this very millisecond belongs to the window.
      toId: firstIdAt(new Date(to.getTime() + 1)),
    });
    const [p50 = 0, p95 = 0, p99 = 0, max = 0] = (lateness ?? []).map((ms) => Math.round(ms * 10) / 10);
    return {
      from: from.toISOString(),
      to: to.toISOString(),
      ...counts,
      lateness_ms: lateness === null ? null : { p50, p95, p99, max },
      oldest_due_seconds: (await countDue({ db: context.db, now: to })).oldestSeconds,
    };
  },
};
