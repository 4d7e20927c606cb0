import { z } from "zod";
import { instant } from "./common.ts";

/** What a user may do in a workspace: an owner all, an admin all but workspaces and users, a member may read. */
export const roles = ["owner", "admin", "member"] as const;
export type Role = (typeof roles)[number];

export const email = z
  .string()
  .trim()
  .max(254)
  .regex(/^[^\s@]+@[^\s@]+$/, "expected an email address such as ann@example.com");

export const password = z.string().min(8).max(1000);

export const user = z.object({
  id: z.string(),
  email: z.string(),
  role: z.enum(roles),
  created_at: instant,
});
export type User = z.infer<typeof user>;

export const workspace = z.object({
  id: z.string(),
  name: z.string(),
  /** The caller's own; null for who is no user. */
  role: z.enum(roles).nullable(),
  created_at: instant,
});
export type Workspace = z.infer<typeof workspace>;
