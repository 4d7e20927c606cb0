import type { Tx } from "./tables.ts";

/**
 * Tells every worker that something of a scope has changed that they hold: its secrets, or those it signs with. Locks the
 * scope, so that changes come one by one.
 */
export async function raiseVersion(
  tx: Tx,
  scopeId: number,
  of: "secrets_version" | "signing_version",
): Promise<void> {
  await tx
    .updateTable("scopes")
    .set((eb) => ({ [of]: eb(of, "+", 1) }))
    .where("id", "=", scopeId)
    .execute();
}
