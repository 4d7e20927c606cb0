import { type Insertable, type Selectable } from "kysely";
import type { Mode } from "@org/scheduler-contract";
import type { Db, Tokens, Tx } from "../database/tables.ts";

export type TokenRow = Selectable<Tokens> & { mode: Mode };

/** Whose tokens: those of a workspace, in these halves of it. */
export interface Owner {
  workspaceId: string;
  modes: Mode[];
}

function tokens(db: Db | Tx, { workspaceId, modes }: Owner) {
  return db
    .selectFrom("tokens")
    .innerJoin("scopes", "scopes.id", "tokens.scope_id")
    .selectAll("tokens")
    .select("scopes.mode")
    .where("scopes.workspace_id", "=", workspaceId)
    .where("scopes.mode", "in", modes)
    .where("revoked_at", "is", null);
}

/** Tokens that are not revoked, newest first, with one row more than `limit` where there are more. */
export function listTokens(
  db: Db,
  owner: Owner,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<TokenRow[]> {
  return tokens(db, owner)
    .$if(before !== undefined, (query) => query.where("tokens.id", "<", before!))
    .orderBy("tokens.id", "desc")
    .limit(limit + 1)
    .execute();
}

/** A token that is not revoked, locked until the transaction ends. */
export function lockToken(tx: Tx, owner: Owner, id: string): Promise<TokenRow | undefined> {
  return tokens(tx, owner).where("tokens.id", "=", id).forUpdate("tokens").executeTakeFirst();
}

export async function insertToken(tx: Tx, { bounds, ...row }: Omit<TokenRow, "mode">): Promise<void> {
  const written: Insertable<Tokens> = { ...row, bounds: bounds && JSON.stringify(bounds) };
  await tx.insertInto("tokens").values(written).execute();
}

export async function updateToken(
  tx: Tx,
  id: string,
  change: Partial<Pick<TokenRow, "revoked_at" | "hash" | "prefix" | "previous_hash" | "previous_until">>,
): Promise<void> {
  await tx.updateTable("tokens").set(change).where("id", "=", id).execute();
}

/** Whether there is a token of this id, or was one. */
export async function knowsToken(db: Db, { workspaceId, modes }: Owner, id: string): Promise<boolean> {
  const query = db
    .selectFrom("tokens")
    .innerJoin("scopes", "scopes.id", "tokens.scope_id")
    .select("tokens.id")
    .where("tokens.id", "=", id)
    .where("scopes.workspace_id", "=", workspaceId)
    .where("scopes.mode", "in", modes);
  return (await query.executeTakeFirst()) !== undefined;
}
