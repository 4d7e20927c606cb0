import type { Insertable, Selectable } from "kysely";
import type { Db, SigningSecrets, Tx } from "../database/tables.ts";

export type SigningSecretRow = Selectable<SigningSecrets>;

export async function insertSigningSecret(tx: Tx, row: Insertable<SigningSecrets>): Promise<void> {
  await tx.insertInto("signing_secrets").values(row).execute();
}

/** Answers false where there is none. */
export async function deleteSigningSecret(tx: Tx, scopeId: number, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom("signing_secrets")
    .where("scope_id", "=", scopeId)
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  return numDeletedRows === 1n;
}

/** What a scope signs with, newest first, and the version that this is of: both as of one instant. */
export async function findSealedKeys(
  db: Db,
  scopeId: number,
): Promise<{ version: number; secrets: { id: string; sealed: Buffer }[] }> {
  const rows = await db
    .selectFrom("scopes")
    .leftJoin("signing_secrets", "signing_secrets.scope_id", "scopes.id")
    .select(["scopes.signing_version as version", "signing_secrets.id", "signing_secrets.sealed"])
    .where("scopes.id", "=", scopeId)
    .orderBy("signing_secrets.id", "desc")
    .execute();
  const secrets = rows.flatMap(({ id, sealed }) => (id === null || sealed === null ? [] : [{ id, sealed }]));
  return { version: rows[0]?.version ?? 0, secrets };
}
