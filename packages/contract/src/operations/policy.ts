import { z } from "zod";
import type { Access } from "../access.ts";
import { operation } from "../operation.ts";
import { approval, approvalStatuses } from "../schemas/approval.ts";
import { id, instant, page, pageInput } from "../schemas/common.ts";

const readingPolicy = { kinds: ["user", "system"], manages: "policies" } as const satisfies Access;
const managingPolicy = { ...readingPolicy, roles: ["owner", "admin"] } as const satisfies Access;

const longestPolicy = 262_144;

/** As text, YAML or JSON; or as the object that the text would stand for. */
const policy = z.union([z.string().max(longestPolicy), z.record(z.string(), z.unknown())], {
  error: "expected the text of a policy, YAML or JSON, or the policy as an object",
});

const warning = z.object({ line: z.int(), column: z.int(), path: z.string(), message: z.string() });

const stored = z.object({
  /** As it was written; null where the workspace has none. */
  policy: z.string().nullable(),
  version: z.int(),
  warnings: z.array(warning),
  updated_by: z.string().nullable(),
  updated_at: instant.nullable(),
  /** The server has a policy file too, which holds for every workspace. */
  has_file: z.boolean(),
});

export const getPolicy = operation({
  name: "get_policy",
  title: "Get the policy",
  description: "Show the workspace's policy on calls.",
  input: z.strictObject({}),
  output: stored,
  risk: "read",
  access: readingPolicy,
  idempotent: true,
  toolset: null,
  http: { method: "GET", path: "/v1/policy" },
});

export const putPolicy = operation({
  name: "put_policy",
  title: "Put a policy in force",
  description:
    "Put a policy on calls in the place of the one before: which tools may be called, with which arguments, how often, and which need somebody's approval. A bad one is refused with all its flaws, and the one before stays in force. An empty text is none.",
  input: z.strictObject({ policy }),
  output: stored,
  risk: "write",
  access: managingPolicy,
  idempotent: true,
  toolset: null,
  http: { method: "PUT", path: "/v1/policy", wholeBody: "policy" },
});

const decisions = ["allow", "deny", "require_approval"] as const;

const call = z.strictObject({
  tool: z.string().min(1).max(200),
  args: z.record(z.string(), z.unknown()).default({}),
  /** How often it is made; what is said is of the last. */
  times: z.int().min(1).max(10_000).default(1),
  expect: z.enum(decisions).optional(),
});

export const testPolicy = operation({
  name: "test_policy",
  title: "Test a policy",
  description:
    "Say what a policy would do with calls, and why, without counting or carrying out any: of one tool and its args, of several calls in their order, or of a file of expected decisions. Counters begin at zero.",
  input: z.strictObject({
    policy: policy.optional().describe("default the one in force"),
    tool: z.string().min(1).max(200).optional(),
    args: z.record(z.string(), z.unknown()).optional(),
    times: z.int().min(1).max(10_000).optional(),
    expect: z.enum(decisions).optional(),
    calls: z
      .union([z.array(call).min(1).max(1000), z.string().max(longestPolicy)], {
        error: "expected a list of calls, or the text of one, YAML or JSON",
      })
      .optional(),
  }),
  output: z.object({
    /** Every call went as expected. */
    passed: z.boolean(),
    decisions: z.array(
      z.object({
        tool: z.string(),
        decision: z.enum(decisions),
        rule: z.string().nullable(),
        line: z.int().nullable(),
        reason: z.string().nullable(),
        retry_after_seconds: z.number().nullable(),
        expected: z.enum(decisions).nullable(),
        passed: z.boolean(),
      }),
    ),
    warnings: z.array(warning),
  }),
  risk: "read",
  access: readingPolicy,
  idempotent: true,
  toolset: null,
  http: { method: "POST", path: "/v1/policy/test" },
});

export const listApprovals = operation({
  name: "list_approvals",
  title: "List approvals",
  description:
    "List the calls that a policy wants somebody's approval for: those that wait, and what became of the others. A key that is no user's sees its own.",
  input: z.strictObject({ status: z.enum(approvalStatuses).optional(), ...pageInput }),
  output: page(approval),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: null,
  http: { method: "GET", path: "/v1/approvals" },
});

const deciding = {
  kinds: ["user"],
  manages: "approvals",
  roles: ["owner", "admin"],
} as const satisfies Access;

const comment = z.string().trim().min(1).max(1000).optional();

export const approveCall = operation({
  name: "approve_call",
  title: "Approve a call",
  description: "Let exactly this call go through, once, when its caller sends it again.",
  input: z.strictObject({ approval_id: id, comment }),
  output: approval,
  risk: "write",
  access: deciding,
  idempotent: true,
  toolset: null,
  http: { method: "POST", path: "/v1/approvals/{approval_id}/approve" },
});

export const rejectCall = operation({
  name: "reject_call",
  title: "Reject a call",
  description: "Let this call not go through. Its caller is told, with the comment.",
  input: z.strictObject({ approval_id: id, comment }),
  output: approval,
  risk: "write",
  access: deciding,
  idempotent: true,
  toolset: null,
  http: { method: "POST", path: "/v1/approvals/{approval_id}/reject" },
});
