import { z } from "zod";
import { instant } from "./common.ts";

export const approvalStatuses = ["pending", "approved", "rejected", "used", "expired"] as const;
export type ApprovalStatus = (typeof approvalStatuses)[number];

/** A call that somebody is asked about. */
export const approval = z.object({
  id: z.string(),
  status: z.enum(approvalStatuses),
  /** Who asked, such as `agent:researcher`. */
  caller: z.string(),
  tool: z.string(),
  operation: z.string(),
  /** Without what looks like a credential. */
  arguments: z.unknown(),
  /** The rule that asks, with its line. */
  rule: z.string(),
  reason: z.string().nullable(),
  comment: z.string().nullable(),
  decided_by: z.string().nullable(),
  decided_at: instant.nullable(),
  expires_at: instant,
  created_at: instant,
});
export type Approval = z.infer<typeof approval>;
