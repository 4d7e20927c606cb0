import { z } from "zod";
import type { Access } from "../access.ts";
import { operation } from "../operation.ts";
import { deleted, id, instant, instantInput, page, pageInput } from "../schemas/common.ts";
import { bounds } from "../schemas/bounds.ts";
import { modes, token, tokenKinds } from "../schemas/token.ts";
import { roles } from "../schemas/user.ts";

/** People and the system hand out tokens: an agent or a service could otherwise widen what it may do. */
const managingTokens = {
  kinds: ["user", "system"],
  manages: "tokens",
  roles: ["owner", "admin"],
} as const satisfies Access;

export const login = operation({
  name: "login",
  title: "Log in",
  description:
    "Trade an email and a password for a JWT that works as a bearer token for seven days, in the workspace that is named or else in the first that the user came to.",
  input: z.strictObject({
    email: z.string().min(3).max(254),
    password: z.string().min(1).max(1000),
    workspace_id: id.optional(),
  }),
  output: z.object({
    token: z.string(),
    expires_at: instant,
    user: z.object({ id: z.string(), email: z.string() }),
    workspace: z.object({ id: z.string(), name: z.string() }),
  }),
  risk: "write",
  access: "public",
  idempotent: false,
  toolset: null,
  http: { method: "POST", path: "/v1/auth/login" },
});

export const logout = operation({
  name: "logout",
  title: "Log out",
  description: "Refuse every JWT that the user has been given so far, on every device. Tokens stay valid.",
  input: z.strictObject({}),
  output: z.object({ logged_out: z.literal(true), user: z.object({ id: z.string(), email: z.string() }) }),
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: null,
  http: { method: "POST", path: "/v1/auth/logout" },
});

export const getMe = operation({
  name: "get_me",
  title: "Who am I",
  description: "Show who the token belongs to, its workspace, its mode and what it may do.",
  input: z.strictObject({}),
  output: z.object({
    kind: z.enum(tokenKinds),
    name: z.string(),
    mode: z.enum(modes),
    read_only: z.boolean(),
    /** Null for a JWT. */
    token_id: z.string().nullable(),
    agent: z.string().nullable(),
    workspace: z.object({ id: z.string(), name: z.string() }),
    user: z.object({ id: z.string(), email: z.string(), role: z.enum(roles) }).nullable(),
    expires_at: instant.nullable(),
    scopes: z.array(z.string()).nullable(),
    bounds: bounds.nullable(),
    /** What is left of the bounds that are used up; null without any. */
    left: z.object({ jobs: z.int().optional(), fires_today: z.int().optional() }).nullable(),
    /** The operations that this token may use now. */
    operations: z.array(z.string()),
  }),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: null,
  http: { method: "GET", path: "/v1/me" },
});

export const listTokens = operation({
  name: "list_tokens",
  title: "List tokens",
  description: "List the workspace's tokens, newest first. The tokens themselves are never shown again.",
  input: z.strictObject({ ...pageInput }),
  output: page(token),
  risk: "read",
  access: managingTokens,
  idempotent: true,
  toolset: null,
  http: { method: "GET", path: "/v1/tokens" },
});

export const createToken = operation({
  name: "create_token",
  title: "Create a token",
  description: "Create a token. The answer shows it once; only its hash is kept.",
  input: z.strictObject({
    name: z.string().trim().min(1).max(200),
    kind: z.enum(tokenKinds).default("user"),
    mode: z.enum(modes).default("live"),
    agent: z.string().trim().min(1).max(100).optional().describe("the agent's name; for kind agent only"),
    user_id: id.optional().describe("whose; for kind user only, default yourself"),
    workspace_id: id.optional().describe("default this one; of another, one of its owners"),
    read_only: z.boolean().default(false),
    scopes: z
      .array(z.string().min(1).max(100))
      .min(1)
      .max(100)
      .optional()
      .describe("toolsets such as jobs, operations such as get_me; default all that you may"),
    bounds: bounds.optional(),
    expires_at: instantInput.optional(),
  }),
  output: token.extend({ token: z.string() }),
  risk: "write",
  access: managingTokens,
  idempotent: false,
  toolset: null,
  http: { method: "POST", path: "/v1/tokens", status: 201 },
});

export const rotateToken = operation({
  name: "rotate_token",
  title: "Rotate a token",
  description:
    "Give a token a new value; all else of it stays, its id too. The old value works for a while longer, so that nobody is cut off.",
  input: z.strictObject({
    token_id: id,
    overlap_seconds: z.int().min(0).max(604_800).default(86_400),
  }),
  output: token.extend({ token: z.string() }),
  risk: "write",
  access: managingTokens,
  idempotent: false,
  toolset: null,
  http: { method: "POST", path: "/v1/tokens/{token_id}/rotate" },
});

export const deleteToken = operation({
  name: "delete_token",
  title: "Revoke a token",
  description:
    "Revoke a token. Whoever uses it is refused from the next request on. The jobs that it made are kept, paused or canceled.",
  input: z.strictObject({ token_id: id, jobs: z.enum(["keep", "pause", "cancel"]).default("keep") }),
  output: deleted.extend({
    /** How many jobs of it were not over, and what became of those. */
    jobs: z.object({ count: z.int(), became: z.enum(["kept", "paused", "canceled"]) }),
  }),
  risk: "destructive",
  access: managingTokens,
  idempotent: true,
  toolset: null,
  http: { method: "DELETE", path: "/v1/tokens/{token_id}" },
});
