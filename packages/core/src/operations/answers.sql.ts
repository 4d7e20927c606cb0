import { sql } from "kysely";
import type { Tx } from "../database/tables.ts";

interface Key {
  scopeId: number;
  /** Empty for all who are no agents. */
  agent: string;
  key: string;
}

/** Holds a key until the transaction ends; false where another transaction does. */
export async function lockKey(tx: Tx, { scopeId, agent, key }: Key): Promise<boolean> {
  const name = `idempotency:${scopeId}:${agent}:${key}`;
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as locked`.execute(tx);
  return rows[0]!.locked;
}

interface StoredAnswer {
  operation: string;
  fingerprint: string;
  answer: unknown;
}

/** What a key was answered with after `since`. */
export function findAnswer(
  tx: Tx,
  { scopeId, agent, key }: Key,
  since: Date,
): Promise<StoredAnswer | undefined> {
  return tx
    .selectFrom("idempotency_keys")
    .select(["operation", "fingerprint", "answer"])
    .where("scope_id", "=", scopeId)
    .where("agent", "=", agent)
    .where("key", "=", key)
    .where("created_at", ">", since)
    .executeTakeFirst();
}

/** Keeps an answer in the place of one that has expired. */
export async function storeAnswer(
  tx: Tx,
  { scopeId, agent, key }: Key,
  { operation, fingerprint, answer }: StoredAnswer,
  now: Date,
): Promise<void> {
  const values = { operation, fingerprint, answer: JSON.stringify(answer), created_at: now };
  await tx
    .insertInto("idempotency_keys")
    .values({ scope_id: scopeId, agent, key, ...values })
    .onConflict((conflict) => conflict.columns(["scope_id", "agent", "key"]).doUpdateSet(values))
    .execute();
}
