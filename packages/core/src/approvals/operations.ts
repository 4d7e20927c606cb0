import { type Approval, SchedulerError } from "@org/scheduler-contract";
import { type Caller, describeCaller } from "../access/caller.ts";
import { whoIs } from "../access/policy/gate.ts";
import {
  type ApprovalRow,
  decideApproval,
  listApprovals,
  lockApproval,
} from "../access/policy/policy.sql.ts";
import { fromPublicId, noSuch, toPublicId } from "../ids.ts";
import type { Handlers, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";

export const approvalOperations: Handlers<"list_approvals" | "approve_call" | "reject_call"> = {
  async list_approvals({ db, caller, now: readNow }, { status, limit, cursor }) {
    const now = await readNow();
    const page = { before: readCursor("appr", cursor), limit, now };
    const rows = await listApprovals(db, caller.scopeId, { who: asksFor(caller), status, ...page });
    return toPage(rows, { limit, prefix: "appr", view: (row) => toApproval(row, now) });
  },

  approve_call: (context, input) => decide(context, input, "approved"),
  reject_call: (context, input) => decide(context, input, "rejected"),
};

/** People and the system see who asks for what; every other key sees what it asked for itself. */
function asksFor(caller: Caller): string | undefined {
  return caller.kind === "user" || caller.kind === "system" ? undefined : whoIs(caller);
}

async function decide(
  { tx, caller, now }: WriteContext,
  { approval_id, comment }: { approval_id: string; comment?: string | undefined },
  status: "approved" | "rejected",
): Promise<Approval> {
  const id = fromPublicId("appr", approval_id);
  const row = id === undefined ? undefined : await lockApproval(tx, caller.scopeId, id);
  if (!row) throw noSuch("approval", approval_id, { prefix: "appr", shown: "GET /v1/approvals shows them" });
  if (row.status === status) return toApproval(row, now);
  const current = toApproval(row, now);
  if (current.status === "used" || current.status === "expired") {
    throw new SchedulerError("conflict", `This approval is ${current.status}: nothing is left to decide.`, {
      hint: "Whoever still wants the call sends it again, and is asked about again.",
    });
  }
  const decision = {
    status,
    comment: comment ?? null,
    decided_by: describeCaller(caller),
    decided_at: now,
  };
  await decideApproval(tx, row.id, decision);
  return toApproval({ ...row, ...decision }, now);
}

function toApproval(row: ApprovalRow, now: Date): Approval {
  const isOver = (row.status === "pending" || row.status === "approved") && row.expires_at <= now;
  return {
    id: toPublicId("appr", row.id),
    status: isOver ? "expired" : row.status,
    caller: row.caller,
    tool: row.tool,
    operation: row.operation,
    arguments: row.arguments,
    rule: row.rule,
    reason: row.reason,
    comment: row.comment,
    decided_by: row.decided_by,
    decided_at: row.decided_at?.toISOString() ?? null,
    expires_at: row.expires_at.toISOString(),
    created_at: row.created_at.toISOString(),
  };
}
