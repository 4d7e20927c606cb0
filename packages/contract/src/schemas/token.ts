import { z } from "zod";
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
  read_only: z.boolean(),
  prefix: z.string(),
  expires_at: instant.nullable(),
  last_used_at: instant.nullable(),
  created_at: instant,
});
export type Token = z.infer<typeof token>;
