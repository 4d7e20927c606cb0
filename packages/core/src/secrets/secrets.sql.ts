import { type Insertable, type Selectable, sql } from "kysely";
import { isOf, type Makers } from "../database/page.ts";
import type { Db, Secrets, Tx } from "../database/tables.ts";

export type SecretRow = Selectable<Secrets>;

export function findSecret(tx: Tx, of: Makers, by: { id: string } | { name: string }) {
  const query = tx
    .selectFrom("secrets")
    .selectAll()
    .where("scope_id", "=", of.scopeId)
    .where(isOf(of, "secrets"));
  return ("id" in by ? query.where("id", "=", by.id) : query.where("name", "=", by.name)).executeTakeFirst();
}

export async function countSecrets(tx: Tx, scopeId: number): Promise<number> {
  const { count } = await tx
    .selectFrom("secrets")
    .select((eb) => eb.fn.countAll<string>().as("count"))
    .where("scope_id", "=", scopeId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function insertSecret(tx: Tx, row: Insertable<Secrets>): Promise<void> {
  await tx.insertInto("secrets").values(row).execute();
}

export async function replaceSecret(tx: Tx, id: string, sealed: Buffer, now: Date): Promise<void> {
  await tx.updateTable("secrets").set({ sealed, updated_at: now }).where("id", "=", id).execute();
}

export async function deleteSecret(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom("secrets").where("id", "=", id).execute();
}

/** Which of `names` no secret has. */
export async function unknownAmong(db: Db | Tx, scopeId: number, names: string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await db
    .selectFrom("secrets")
    .select("name")
    .where("scope_id", "=", scopeId)
    .where("name", "in", names)
    .execute();
  const known = new Set(rows.map(({ name }) => name));
  return names.filter((name) => !known.has(name));
}

/** Which of `names` are secrets that somebody else made who is not to share them. */
export async function foreignAmong(tx: Tx, of: Makers, names: string[]): Promise<string[]> {
  if (names.length === 0 || of.madeBy === undefined) return [];
  const rows = await tx
    .selectFrom("secrets")
    .select("name")
    .where("scope_id", "=", of.scopeId)
    .where("name", "in", names)
    .where((eb) => eb.not(isOf(of, "secrets")))
    .execute();
  return rows.map(({ name }) => name);
}

/** A few of the jobs whose requests name a secret, newest first. */
export async function findUsers(
  tx: Tx,
  scopeId: number,
  { name, limit }: { name: string; limit: number },
): Promise<{ id: string; name: string }[]> {
  const { rows } = await sql<{ id: string; name: string }>`
    select j.id, j.name from revisions r join jobs j on j.revision_id = r.id
    where r.secrets @> array[${name}]::text[] and r.scope_id = ${scopeId} and j.scope_id = ${scopeId}
      and j.deleted_at is null and j.state in ('draft', 'active', 'paused')
    order by j.id desc limit ${limit}`.execute(tx);
  return rows;
}

/** A scope's secrets as they are stored, and the version that this is of: both as of one instant. */
export async function findSealedSecrets(
  db: Db,
  scopeId: number,
): Promise<{ version: number; secrets: { name: string; sealed: Buffer }[] }> {
  const rows = await db
    .selectFrom("scopes")
    .leftJoin("secrets", "secrets.scope_id", "scopes.id")
    .select(["scopes.secrets_version as version", "secrets.name", "secrets.sealed"])
    .where("scopes.id", "=", scopeId)
    .execute();
  const secrets = rows.flatMap(({ name, sealed }) =>
    name === null || sealed === null ? [] : [{ name, sealed }],
  );
  return { version: rows[0]?.version ?? 0, secrets };
}
