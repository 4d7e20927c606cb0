import { type Agent, SchedulerError } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import type { Action } from "../access/matrix.ts";
import type { Db, Tx } from "../database/tables.ts";
import { toPublicId } from "../ids.ts";
import { findAgent, type ListedAgent } from "./agents.sql.ts";

/** An agent with whose schedules a caller may do this. Throws `not_found`, whatever the reason. */
export async function requireAgent(
  db: Db | Tx,
  caller: Caller,
  name: string,
  action: Action,
): Promise<ListedAgent> {
  const agent = await findAgent(db, caller, { name, action });
  if (agent) return agent;
  throw noSuchAgent(name);
}

export function noSuchAgent(name: string, field = "agent"): SchedulerError {
  return new SchedulerError("not_found", `There is no agent ${name.slice(0, 100)}.`, {
    field,
    hint: "list_agents shows yours; a new one is made with register_agent.",
  });
}

export function toAgent(row: ListedAgent): Agent {
  return {
    id: toPublicId("agent", row.id),
    name: row.name,
    url: row.url,
    description: row.description,
    owner: row.owner,
    shared_with: row.shared,
    permissions: row.permissions,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
