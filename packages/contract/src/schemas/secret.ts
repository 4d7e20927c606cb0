import { z } from "zod";
import { instant } from "./common.ts";

/** The name of a secret, as it stands in `secret://name`: the longest run of these characters counts. */
export const secretName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "expected up to 64 letters, digits, - and _");

/** A stored value that is never shown again. */
export const secret = z.object({
  id: z.string(),
  name: z.string(),
  created_by: z.string(),
  created_at: instant,
  updated_at: instant,
});
export type Secret = z.infer<typeof secret>;
