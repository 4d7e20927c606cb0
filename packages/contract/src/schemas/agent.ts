import { z } from "zod";
import { instant } from "./common.ts";
import { slug } from "./request.ts";

export const agentName = slug;

export const agent = z.object({
  id: z.string(),
  name: z.string(),
  /** What receives its messages. */
  url: z.string(),
  description: z.string().nullable(),
  /** The email of whose it is; null where that is the system's. */
  owner: z.string().nullable(),
  /** Emails of users who may read, toggle and trigger its schedules. */
  shared_with: z.array(z.string()),
  /** The agents whose schedules its keys may read, toggle and trigger. */
  permissions: z.array(z.string()),
  created_by: z.string(),
  created_at: instant,
  updated_at: instant,
});
export type Agent = z.infer<typeof agent>;
