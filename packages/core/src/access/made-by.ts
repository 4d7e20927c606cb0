import type { Makers } from "../database/page.ts";
import { type Caller, describeCaller } from "./caller.ts";

/** What a caller may change. */
export function changing(caller: Caller): Makers {
  const { scopeId } = caller;
  return caller.kind === "agent" ? { scopeId, madeBy: describeCaller(caller) } : { scopeId };
}

/** What a caller may see and use. */
export function seeing(caller: Caller): Makers {
  return { ...changing(caller), orWorkspace: true };
}
