import type { Caller } from "../access/caller.ts";
import type { Owner } from "./tokens.sql.ts";

/** The halves whose tokens a caller may manage: from test there is no way into live. */
export function ownerFor({ workspaceId, mode }: Caller): Owner {
  return { workspaceId, modes: mode === "live" ? ["live", "test"] : ["test"] };
}
