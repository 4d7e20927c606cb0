import type { Selectable } from "kysely";
import { firstIdAt } from "../ids.ts";
import { countedTogetherMs } from "../kept.ts";
import type { Audit, Db } from "../database/tables.ts";

export type AuditRow = Selectable<Audit>;

interface AuditPage {
  filter: {
    tokenId?: string | undefined;
    operation?: string | undefined;
    target?: string | undefined;
    outcome?: AuditRow["outcome"] | undefined;
    from?: Date | undefined;
    to?: Date | undefined;
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
  const { tokenId, operation, target, outcome, from, to, beforeId } = filter;
  const stretch = db
    .selectFrom("audit")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .$if(from !== undefined, (query) => query.where("id", ">=", firstIdOf(from!)))
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
    .$if(from !== undefined, (query) => query.where("at", ">=", from!))
    .$if(to !== undefined, (query) => query.where("at", "<", to!))
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

/** Entries of failures that are counted together have the id of when that began. */
function firstIdOf(from: Date): string {
  return firstIdAt(new Date(Math.max(0, from.getTime() - countedTogetherMs)));
}
