import type { Caller } from "../access/caller.ts";
import { describeCaller } from "../access/caller.ts";
import type { Tx } from "../database/tables.ts";
import { newId } from "../ids.ts";

/** Records who changed what, in the transaction of the change itself: neither is there without the other. */
export async function recordAudit(
  tx: Tx,
  entry: { caller: Caller; operation: string; target: string | null },
  now: Date,
): Promise<void> {
  await tx
    .insertInto("audit")
    .values({
      scope_id: entry.caller.scopeId,
      id: newId(now),
      at: now,
      caller: describeCaller(entry.caller),
      token_id: entry.caller.tokenId,
      operation: entry.operation,
      target: entry.target,
    })
    .execute();
}
