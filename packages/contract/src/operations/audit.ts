import { z } from "zod";
import { operation } from "../operation.ts";
import { id, instant, instantInput, page, pageInput } from "../schemas/common.ts";

const auditOutcomes = ["done", "refused", "failed"] as const;

const entry = z.object({
  id: z.string(),
  at: instant,
  /** Who, such as `agent:researcher`, and by which key. */
  caller: z.string(),
  token_id: z.string().nullable(),
  operation: z.string(),
  /** What it was about; null where that was several things. */
  target: z.string().nullable(),
  outcome: z.enum(auditOutcomes),
  error_code: z.string().nullable(),
  /** The rule of a policy that refused it, with its line. */
  rule: z.string().nullable(),
  /** How often, where the same failed again and again within minutes. */
  times: z.int(),
  /** How it came: `rest`, `mcp`, the name of a dialect, `library`. */
  face: z.string().nullable(),
  /** The tool that was called, where that has another name. */
  tool: z.string().nullable(),
  /** SHA-256 of the arguments, credentials left out, in hex. */
  arguments_hash: z.string().nullable(),
  request_id: z.string().nullable(),
});

export const listAudit = operation({
  name: "list_audit",
  title: "List the audit",
  description:
    "List what was changed, and what was refused or failed, newest first: by key, operation, target, outcome or time.",
  input: z.strictObject({
    token_id: id.optional(),
    operation: z.string().min(1).max(100).optional(),
    target: id.optional(),
    outcome: z.enum(auditOutcomes).optional(),
    from: instantInput.optional(),
    to: instantInput.optional(),
    ...pageInput,
  }),
  output: page(entry),
  risk: "read",
  access: { kinds: ["user", "system"], manages: "the audit", roles: ["owner", "admin"] },
  idempotent: true,
  toolset: null,
  http: { method: "GET", path: "/v1/audit" },
});
