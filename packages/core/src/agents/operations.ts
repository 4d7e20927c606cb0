import { SchedulerError } from "@org/scheduler-contract";
import { describeCaller } from "../access/caller.ts";
import { newId, toPublicId } from "../ids.ts";
import { deleteJob } from "../jobs/delete.ts";
import { findScheduleIds, freeJobsOf, readdress } from "../jobs/schedules.sql.ts";
import { assertTargets } from "../jobs/targets.ts";
import type { Handlers, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { noSuchAgent, requireAgent, toAgent } from "./agent.ts";
import {
  type AgentRow,
  deleteAgent,
  findUsersByEmail,
  forbid,
  hasKeysOfOthers,
  insertAgent,
  listAgents,
  lockAgent,
  permit,
  readAgent,
  revokeKeysOf,
  updateAgent,
} from "./agents.sql.ts";

type Names =
  | "list_agents"
  | "register_agent"
  | "get_agent"
  | "update_agent"
  | "delete_agent"
  | "permit_agent"
  | "forbid_agent";

export const agentOperations: Handlers<Names> = {
  async list_agents({ db, caller }, { limit, cursor }) {
    const rows = await listAgents(db, caller, { before: readCursor("agent", cursor), limit });
    return toPage(rows, { limit, prefix: "agent", view: toAgent });
  },

  async register_agent(context, { name, url, description, owner, shared_with = [] }) {
    const { tx, caller, now, allowedTargets } = context;
    assertTargets({ url }, allowedTargets);
    const { scopeId: scope_id, userId } = caller;
    // Keys are for a name. Whoever takes one would let the keys of somebody else in.
    if (await hasKeysOfOthers(tx, { scope_id, name, userId })) throw nameTaken(name);
    const row: AgentRow = {
      scope_id,
      name,
      id: newId(now),
      url,
      description: description ?? null,
      owner_id: owner === undefined ? userId : await ownerOf(context, owner),
      shared_with: await usersOf(context, shared_with),
      created_by: describeCaller(caller),
      created_at: now,
      updated_at: now,
    };
    if (!(await insertAgent(tx, row))) throw nameTaken(name);
    return toAgent(await readAgent(tx, caller, name));
  },

  async get_agent({ db, caller }, { agent }) {
    return toAgent(await requireAgent(db, caller, agent, "get"));
  },

  async update_agent(context, { agent: name, url, description, owner, shared_with }) {
    const { tx, caller, now, allowedTargets } = context;
    const agent = await requireOwn(context, name);
    assertTargets({ url }, allowedTargets);
    await updateAgent(tx, agent, {
      ...(url !== undefined && { url }),
      ...(description !== undefined && { description }),
      ...(owner !== undefined && { owner_id: await ownerOf(context, owner) }),
      ...(shared_with && { shared_with: await usersOf(context, shared_with) }),
      updated_at: now,
    });
    if (url !== undefined && url !== agent.url) await readdress(tx, { ...agent, url }, now);
    return toAgent(await readAgent(tx, caller, name));
  },

  async delete_agent(context, { agent: name }) {
    const { tx, now } = context;
    const agent = await requireOwn(context, name);
    const schedules = await findScheduleIds(tx, agent);
    for (const id of schedules) await deleteJob(context, { job_id: toPublicId("job", id), purge: false });
    const keys = await revokeKeysOf(tx, agent, now);
    const jobs_kept = await freeJobsOf(tx, agent, now);
    await deleteAgent(tx, agent);
    const id = toPublicId("agent", agent.id);
    return { deleted: true, id, name, schedules: schedules.length, keys, jobs_kept };
  },

  async permit_agent(context, { agent, other }) {
    const { tx, caller, now } = context;
    await requireBoth(context, agent, other);
    const scope_id = caller.scopeId;
    await permit(tx, { scope_id, agent, other, created_by: describeCaller(caller), created_at: now });
    return { agent, other, permitted: true };
  },

  async forbid_agent(context, { agent, other }) {
    await requireOwn(context, agent);
    const was = await forbid(context.tx, { scope_id: context.caller.scopeId, agent, other });
    // What somebody gave can be taken back also by who does not see the other agent any more.
    if (!was) await requireBoth(context, agent, other);
    return { agent, other, permitted: false };
  },
};

async function requireOwn({ tx, caller }: WriteContext, name: string): Promise<AgentRow> {
  const agent = await lockAgent(tx, caller, name);
  if (agent) return agent;
  throw noSuchAgent(name);
}

/** Whoever gives a permission has what it gives: nobody hands out what another one's agent does. */
async function requireBoth(context: WriteContext, agent: string, other: string): Promise<void> {
  await requireOwn(context, agent);
  if (agent === other) {
    throw new SchedulerError("invalid_input", "An agent's keys may do all with its own schedules anyway.", {
      field: "other",
      hint: "Name another agent.",
    });
  }
  try {
    await requireAgent(context.tx, context.caller, other, "trigger");
  } catch (error) {
    throw error instanceof SchedulerError && error.code === "not_found" ? noSuchAgent(other, "other") : error;
  }
}

async function ownerOf(context: WriteContext, owner: string): Promise<string> {
  return (await usersOf(context, [owner], "owner"))[0]!;
}

/** The users of these emails. Throws `not_found`. */
async function usersOf(
  { tx, caller }: WriteContext,
  emails: string[],
  field = "shared_with",
): Promise<string[]> {
  const wanted = [...new Set(emails.map((email) => email.toLowerCase()))];
  const known = await findUsersByEmail(tx, caller.workspaceId, wanted);
  const unknown = wanted.find((email) => !known.has(email));
  if (unknown === undefined) return wanted.map((email) => known.get(email)!);
  throw new SchedulerError("not_found", `There is no user ${unknown} in this workspace.`, {
    field,
    hint: "GET /v1/users shows who there is; POST /v1/users adds somebody.",
  });
}

function nameTaken(name: string): SchedulerError {
  return new SchedulerError("conflict", `The name ${name} is taken.`, {
    field: "name",
    hint: "Give the agent another name; where keys of this name are left, their maker can revoke them with DELETE /v1/tokens/{token_id}.",
  });
}
