import type { Caller } from "../access/caller.ts";
import type { Db, Tx } from "../database/tables.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import { findReplay, type ReplayRow } from "./dead-letters.sql.ts";
import { type ExecutionRow, findExecution } from "./executions.sql.ts";

/** The execution behind a caller's id. Throws `not_found`, also for another workspace's. */
export async function requireExecution(db: Db | Tx, caller: Caller, id: string): Promise<ExecutionRow> {
  const uuid = fromPublicId("exec", id);
  const row = uuid === undefined ? undefined : await findExecution(db, caller.scopeId, uuid);
  if (row) return row;
  throw noSuch("execution", id, { prefix: "exec", shown: "list_executions shows yours" });
}

/** The replay behind a caller's id. Throws `not_found`, also for another workspace's. */
export async function requireReplay(db: Db | Tx, caller: Caller, id: string): Promise<ReplayRow> {
  const uuid = fromPublicId("rpl", id);
  const row = uuid === undefined ? undefined : await findReplay(db, caller.scopeId, uuid);
  if (row) return row;
  throw noSuch("replay", id, { prefix: "rpl", shown: "POST /v1/executions/replay answers with one" });
}
