import type { Selectable } from "kysely";
import type { Audit, Db } from "../database/tables.ts";

export type AuditRow = Selectable<Audit>;

interface AuditPage {
  filter: {
    tokenId?: string | undefined;
    operation?: string | undefined;
    target?: string | undefined;
    outcome?: AuditRow["outcome"] | undefined;
    fromId?: string | undefined;
    beforeId?: string | undefined;
  };
  limit: number;
}

/** How many entries are looked through for those of a filter: no index knows them, since each change would pay for it. */
const mostLookedThrough = 10_000;

/** One page of the audit, newest first, with one row more than `limit` where there is a next page. */
export async function listAudit(
  db: Db,
  scopeId: number,
  { filter, limit }: AuditPage,
): Promise<{ rows: AuditRow[]; lookedTo?: string }> {
  const { tokenId, operation, target, outcome, fromId, beforeId } = filter;
  const stretch = db
    .selectFrom("audit")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .$if(fromId !== undefined, (query) => query.where("id", ">=", fromId!))
    .$if(beforeId !== undefined, (query) => query.where("id", "<", beforeId!))
    .orderBy("id", "desc")
    .limit(mostLookedThrough);
  const found = await db
    .selectFrom(stretch.as("entry"))
    .selectAll()
    .$if(tokenId !== undefined, (query) => query.where("token_id", "=", tokenId!))
    .$if(operation !== undefined, (query) => query.where("operation", "=", operation!))
    .$if(target !== undefined, (query) => query.where("target", "=", target!))
    .$if(outcome !== undefined, (query) => query.where("outcome", "=", outcome!))
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
  const last = await db
    .selectFrom(stretch.as("entry"))
    .select("id")
    .orderBy("id", "desc")
    .offset(mostLookedThrough - 1)
    .limit(1)
    .executeTakeFirst();
  return { rows: found, ...(last && { lookedTo: last.id }) };
}
