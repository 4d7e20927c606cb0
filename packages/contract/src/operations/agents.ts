import { z } from "zod";
import type { Access } from "../access.ts";
import { operation } from "../operation.ts";
import { agent, agentName } from "../schemas/agent.ts";
import { deleted, page, pageInput } from "../schemas/common.ts";
import { targetUrl } from "../schemas/request.ts";
import { email } from "../schemas/user.ts";

/** An agent that could change agents could give itself what is not its own. */
const managingAgents = {
  kinds: ["user", "system", "service"],
  manages: "agents",
} as const satisfies Access;

const description = z.string().max(2000);
const sharedWith = z.array(email).max(100);
const concise = ["name", "url", "description", "owner"] as const;

export const listAgents = operation({
  name: "list_agents",
  title: "List agents",
  description: "List agents that can be sent messages on a schedule: yours, shared and permitted ones.",
  input: z.strictObject({ ...pageInput }),
  output: page(agent),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "agents",
  http: { method: "GET", path: "/v1/agents" },
  tool: { concise },
});

export const registerAgent = operation({
  name: "register_agent",
  title: "Register an agent",
  description:
    "Register an AI agent by name: its url is POSTed its messages. Then create_job with agent and message.",
  input: z.strictObject({
    name: agentName,
    url: targetUrl,
    description: description.optional(),
    owner: email.optional().describe("default you"),
    shared_with: sharedWith.optional(),
  }),
  output: agent,
  risk: "write",
  access: managingAgents,
  idempotent: false,
  toolset: "agents",
  http: { method: "POST", path: "/v1/agents", status: 201 },
  tool: { concise, hides: ["owner", "shared_with"] },
});

export const getAgent = operation({
  name: "get_agent",
  title: "Get an agent",
  description:
    "Show one agent: where its messages go, whose it is, whom it is shared with, what its keys may do.",
  input: z.strictObject({ agent: agentName }),
  output: agent,
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "agents",
  http: { method: "GET", path: "/v1/agents/{agent}" },
});

export const updateAgent = operation({
  name: "update_agent",
  title: "Update an agent",
  description:
    "Change where an agent's messages go, whose it is or whom it is shared with. Its schedules go to the new url from their next execution on.",
  input: z.strictObject({
    agent: agentName,
    url: targetUrl.optional(),
    description: description.nullable().optional(),
    owner: email.optional(),
    shared_with: sharedWith.optional(),
  }),
  output: agent,
  risk: "write",
  access: managingAgents,
  idempotent: true,
  toolset: "agents",
  http: { method: "PATCH", path: "/v1/agents/{agent}" },
});

export const deleteAgent = operation({
  name: "delete_agent",
  title: "Delete an agent",
  description:
    "Delete an agent with its schedules and permissions, and revoke its keys. Other jobs that its keys made stay, as the workspace's.",
  input: z.strictObject({ agent: agentName }),
  output: deleted.extend({
    name: z.string(),
    /** How many of its schedules were deleted, keys revoked and jobs kept. */
    schedules: z.int(),
    keys: z.int(),
    jobs_kept: z.int(),
  }),
  risk: "destructive",
  access: managingAgents,
  idempotent: true,
  toolset: "agents",
  http: { method: "DELETE", path: "/v1/agents/{agent}" },
});

const permission = z.object({ agent: z.string(), other: z.string() });
const permissionPath = "/v1/agents/{agent}/permissions/{other}" as const;

export const permitAgent = operation({
  name: "permit_agent",
  title: "Permit an agent",
  description:
    "Let the keys of one agent read, toggle and trigger the schedules of another one; nothing the other way.",
  input: z.strictObject({ agent: agentName, other: agentName }),
  output: permission.extend({ permitted: z.literal(true) }),
  risk: "write",
  access: managingAgents,
  idempotent: true,
  toolset: "agents",
  http: { method: "PUT", path: permissionPath },
});

export const forbidAgent = operation({
  name: "forbid_agent",
  title: "Take a permission back",
  description: "Take back what permit_agent gave.",
  input: z.strictObject({ agent: agentName, other: agentName }),
  output: permission.extend({ permitted: z.literal(false) }),
  risk: "destructive",
  access: managingAgents,
  idempotent: true,
  toolset: "agents",
  http: { method: "DELETE", path: permissionPath },
});
