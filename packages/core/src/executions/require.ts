import { type Caller, describeCaller } from "../access/caller.ts";
import type { Action } from "../access/matrix.ts";
import { reachOf } from "../access/reach.sql.ts";
import type { Db, Tx } from "../database/tables.ts";
import { fromPublicId, noSuch } from "../ids.ts";
import { findReplay, type ReplayRow } from "./dead-letters.sql.ts";
import { type ExecutionRow, findExecution } from "./executions.sql.ts";

/** The execution behind a caller's id, for whoever may do this with it. Throws `not_found`, whatever the reason. */
export async function requireExecution(
  db: Db | Tx,
  caller: Caller,
  id: string,
  action: Action = "executions",
): Promise<ExecutionRow> {
  const uuid = fromPublicId("exec", id);
  const row = uuid === undefined ? undefined : await findExecution(db, reachOf(caller, action), uuid);
  if (row) return row;
  throw noSuch("execution", id, { prefix: "exec", shown: "list_executions shows yours" });
}

/** The replay behind a caller's id; an agent's key has those that it made. Throws `not_found`, whatever the reason. */
export async function requireReplay(db: Db | Tx, caller: Caller, id: string): Promise<ReplayRow> {
  const uuid = fromPublicId("rpl", id);
  const row = uuid === undefined ? undefined : await findReplay(db, caller.scopeId, uuid);
  if (row && (caller.kind !== "agent" || row.created_by === describeCaller(caller))) return row;
  throw noSuch("replay", id, { prefix: "rpl", shown: "POST /v1/executions/replay answers with one" });
}
