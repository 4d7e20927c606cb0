import { type RawBuilder, sql } from "kysely";
import type { Selectable } from "kysely";
import type { AuditSeals, Db, Tx } from "../database/tables.ts";
import { firstIdAt } from "../ids.ts";

export type SealRow = Selectable<AuditSeals>;

interface Stretch {
  from: Date;
  to: Date;
}

/** One process at a time seals; the lock ends with the transaction. False where another one has it. */
export async function lockSealing(tx: Tx): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtext('scheduler audit seals')) as locked`.execute(tx);
  return rows[0]!.locked;
}

export async function findLastSeal(db: Db | Tx): Promise<SealRow | undefined> {
  const query = db.selectFrom("audit_seals").selectAll().orderBy("number", "desc").limit(1);
  const seal = await query.executeTakeFirst();
  return seal && inBuffers(seal);
}

/** The embedded database gives plain bytes. */
function inBuffers(seal: SealRow): SealRow {
  const [entries_hash, previous_hash, hash] = [seal.entries_hash, seal.previous_hash, seal.hash].map(
    (bytes) => Buffer.from(bytes),
  ) as [Buffer, Buffer, Buffer];
  return { ...seal, entries_hash, previous_hash, hash };
}

/** Seals from a number on, in their order. */
export async function findSeals(db: Db, from: number, limit: number): Promise<SealRow[]> {
  const query = db.selectFrom("audit_seals").selectAll().where("number", ">=", from).orderBy("number");
  return (await query.limit(limit).execute()).map(inBuffers);
}

/** Entries of a stretch of time: by their ids, which begin with it. Scope by scope, since the key of the table does. */
function entriesOf({ from, to }: Stretch): RawBuilder<unknown> {
  return sql`scopes s cross join lateral (
    select * from audit
    where scope_id = s.id and id >= ${firstIdAt(from)}::uuid and id < ${firstIdAt(to)}::uuid
  ) a`;
}

/** How many entries a stretch has, and a hash over all that they say, in one order. */
export async function hashEntries(db: Db | Tx, stretch: Stretch): Promise<{ entries: number; hash: Buffer }> {
  // JSON tells where a text ends; an instant as a number is written in no time zone.
  const entry = sql`jsonb_build_array(a.scope_id, a.id, extract(epoch from a.at), a.caller, a.token_id, a.operation,
    a.target, a.outcome, a.error_code, a.times, a.face, a.tool, a.rule, encode(a.arguments_hash, 'hex'), a.request_id)::text`;
  const { rows } = await sql<{ entries: number; hash: Buffer }>`
    select count(*)::integer as entries, sha256(convert_to(coalesce(
      string_agg(encode(sha256(convert_to(${entry}, 'UTF8')), 'hex'), ',' order by a.id, a.scope_id), ''), 'UTF8')) as hash
    from ${entriesOf(stretch)}`.execute(db);
  const { entries, hash } = rows[0]!;
  return { entries, hash: Buffer.from(hash) };
}

/** Whether a stretch has more entries than `most`. */
export async function hasMoreEntries(tx: Tx, stretch: Stretch, most: number): Promise<boolean> {
  const { rows } = await sql`select from ${entriesOf(stretch)} offset ${most} limit 1`.execute(tx);
  return rows.length > 0;
}

/** When the first entry was made that is of this time or later; undefined without any. */
export async function firstEntryAt(db: Db | Tx, from: Date): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select min(first.at) as at from scopes s cross join lateral (
      select at from audit where scope_id = s.id and id >= ${firstIdAt(from)}::uuid order by id limit 1
    ) first`.execute(db);
  return rows[0]!.at ?? undefined;
}

export async function insertSeal(tx: Tx, seal: Omit<SealRow, "is_pruned">): Promise<void> {
  await tx.insertInto("audit_seals").values(seal).execute();
}

/** The last seal of which all entries are older than is kept, and are still there. */
export function findPrunable(db: Db, cutoff: Date): Promise<SealRow | undefined> {
  return db
    .selectFrom("audit_seals")
    .selectAll()
    .where("is_pruned", "=", false)
    .where("to_at", "<=", cutoff)
    .orderBy("number")
    .limit(1)
    .executeTakeFirst();
}

/** Takes away up to `limit` entries of a seal. Answers how many. */
export async function pruneEntries(db: Db, stretch: Stretch, limit: number): Promise<number> {
  const { rows } = await sql`
    delete from audit d using (select a.scope_id, a.id from ${entriesOf(stretch)} limit ${limit}) old
    where d.scope_id = old.scope_id and d.id = old.id returning d.id`.execute(db);
  return rows.length;
}

export async function markPruned(db: Db, number: number): Promise<void> {
  await db.updateTable("audit_seals").set({ is_pruned: true }).where("number", "=", number).execute();
}
