import type { SchedulerError } from "@org/scheduler-contract";
import { findMembership } from "../access/access.sql.ts";
import type { Caller } from "../access/caller.ts";
import type { Tx } from "../database/tables.ts";
import { noSuch } from "../ids.ts";

/** Whether a workspace is the caller's own, or one that the caller's user owns. */
export async function isOwnWorkspace(tx: Tx, { workspaceId, userId }: Caller, id: string): Promise<boolean> {
  if (id === workspaceId) return true;
  return userId !== null && (await findMembership(tx, userId, id))?.role === "owner";
}

export function noSuchWorkspace(given: string): SchedulerError {
  return noSuch("workspace", given, { prefix: "ws", shown: "GET /v1/workspaces shows yours" });
}
