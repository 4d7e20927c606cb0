import { z } from "zod";
import { bounds } from "./bounds.ts";
import { instant } from "./common.ts";

export const modes = ["live", "test"] as const;
export type Mode = (typeof modes)[number];

export const tokenKinds = ["user", "agent", "system", "service"] as const;
export type TokenKind = (typeof tokenKinds)[number];

export const token = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(tokenKinds),
  mode: z.enum(modes),
  agent: z.string().nullable(),
  /** Whose it is; null for all kinds but `user`. */
  user_id: z.string().nullable(),
  read_only: z.boolean(),
  /** The toolsets and operations that it is for; null for all. */
  scopes: z.array(z.string()).nullable(),
  bounds: bounds.nullable(),
  prefix: z.string(),
  expires_at: instant.nullable(),
  last_used_at: instant.nullable(),
  /** Until then the token from before the last rotation works too. */
  previous_valid_until: instant.nullable(),
  created_at: instant,
});
export type Token = z.infer<typeof token>;
