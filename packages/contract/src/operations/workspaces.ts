import { z } from "zod";
import type { Access } from "../access.ts";
import { operation } from "../operation.ts";
import { deleted, id, page, pageInput } from "../schemas/common.ts";
import { email, password, roles, user, workspace } from "../schemas/user.ts";

const managingUsers = {
  kinds: ["user", "system"],
  manages: "users and workspaces",
  roles: ["owner"],
} as const satisfies Access;

const name = z.string().trim().min(1).max(100);

export const listWorkspaces = operation({
  name: "list_workspaces",
  title: "List workspaces",
  description: "List the workspaces that the user is in; of any other caller, its own.",
  input: z.strictObject({ ...pageInput }),
  output: page(workspace),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: null,
  http: { method: "GET", path: "/v1/workspaces" },
});

export const createWorkspace = operation({
  name: "create_workspace",
  title: "Create a workspace",
  description:
    "Create a workspace with nothing in it. A user who creates one is its owner; otherwise name its first owner with create_user.",
  input: z.strictObject({ name }),
  output: workspace,
  risk: "write",
  access: managingUsers,
  idempotent: false,
  toolset: null,
  http: { method: "POST", path: "/v1/workspaces", status: 201 },
});

export const listUsers = operation({
  name: "list_users",
  title: "List users",
  description: "List who is in the workspace, and in which role.",
  input: z.strictObject({ ...pageInput }),
  output: page(user),
  risk: "read",
  access: { kinds: ["user", "system"], manages: "users and workspaces" },
  idempotent: true,
  toolset: null,
  http: { method: "GET", path: "/v1/users" },
});

export const createUser = operation({
  name: "create_user",
  title: "Add a user",
  description:
    "Add a user to the workspace. Who has no account yet gets one with the password, or with one that is made up and shown once.",
  input: z.strictObject({
    email,
    password: password.optional(),
    role: z.enum(roles).default("member"),
    workspace_id: id.optional().describe("default this one; another that you own or made"),
  }),
  output: user.extend({
    /** There was no account of this email before. */
    created: z.boolean(),
    /** Where it was made up. */
    password: z.string().optional(),
  }),
  risk: "write",
  access: managingUsers,
  idempotent: false,
  toolset: null,
  http: { method: "POST", path: "/v1/users", status: 201 },
});

export const updateUser = operation({
  name: "update_user",
  title: "Change a user's role",
  description: "Give a user of the workspace another role. One owner has to stay.",
  input: z.strictObject({ user_id: id, role: z.enum(roles) }),
  output: user,
  risk: "write",
  access: managingUsers,
  idempotent: true,
  toolset: null,
  http: { method: "PATCH", path: "/v1/users/{user_id}" },
});

export const deleteUser = operation({
  name: "delete_user",
  title: "Remove a user",
  description:
    "Take a user out of the workspace: tokens and JWTs of that user are refused here from the next request on, and the agents are yours. One owner has to stay.",
  input: z.strictObject({ user_id: id }),
  output: deleted.extend({
    email: z.string(),
    /** How many agents of the user have another owner now: who removed the user. */
    agents: z.int(),
  }),
  risk: "destructive",
  access: managingUsers,
  idempotent: true,
  toolset: null,
  http: { method: "DELETE", path: "/v1/users/{user_id}" },
});
