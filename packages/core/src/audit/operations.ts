import type { Output } from "@org/scheduler-contract";
import type { Caller } from "../access/caller.ts";
import type { Db } from "../database/tables.ts";
import { ownerFor } from "../tokens/owner.ts";
import { knowsToken } from "../tokens/tokens.sql.ts";
import { firstIdAt, fromPublicId, noSuch, toPublicId } from "../ids.ts";
import { readSpan } from "../executions/span.ts";
import { type AuditRow, listAudit } from "./audit.sql.ts";
import type { Handlers } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";

export const auditOperations: Handlers<"list_audit"> = {
  async list_audit({ db, caller }, { token_id, operation, target, outcome, limit, cursor, ...span }) {
    const { from, to } = readSpan(span);
    const before = [readCursor("audit", cursor), to && firstIdAt(to)].filter((one) => one !== undefined);
    const tokenId = token_id === undefined ? undefined : await requireTokenKey(db, caller, token_id);
    const filter = {
      tokenId,
      operation,
      target,
      outcome,
      from,
      to,
      beforeId: before.toSorted()[0],
    };
    const { rows, lookedTo } = await listAudit(db, caller.scopeId, { filter, limit });
    const page = { limit, prefix: "audit", view: toEntry } as const;
    return toPage(rows, { ...page, ...(lookedTo !== undefined && { lookedTo }) });
  },
};

function toEntry(row: AuditRow): Output<"list_audit">["data"][number] {
  return {
    id: toPublicId("audit", row.id),
    at: row.at.toISOString(),
    caller: row.caller,
    token_id: row.token_id && toPublicId("tok", row.token_id),
    operation: row.operation,
    target: row.target,
    outcome: row.outcome,
    error_code: row.error_code,
    rule: row.rule,
    times: row.times,
    face: row.face,
    tool: row.tool,
    arguments_hash: row.arguments_hash && Buffer.from(row.arguments_hash).toString("hex"),
    request_id: row.request_id,
  };
}

/** Also of a token that was revoked: what it did is on record. */
async function requireTokenKey(db: Db, caller: Caller, given: string): Promise<string> {
  const id = fromPublicId("tok", given);
  if (id !== undefined && (await knowsToken(db, ownerFor(caller), id))) return id;
  throw noSuch("token", given, { prefix: "tok", shown: "GET /v1/tokens shows yours" });
}
