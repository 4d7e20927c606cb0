import { createHash, timingSafeEqual } from "node:crypto";
import type { Db, Tx } from "../database/tables.ts";
import { countedTogetherMs } from "../kept.ts";
import { MINUTE } from "../time/calendar.ts";
import {
  findLastSeal,
  findSeals,
  firstEntryAt,
  hashEntries,
  hasMoreEntries,
  insertSeal,
  lockSealing,
  type SealRow,
} from "./seals.sql.ts";

/**
 * What is this old changes no more: an entry that counts failures is added to for a while, and a transaction that writes
 * one is over long before that and a few minutes have passed.
 */
const settledAfterMs = countedTogetherMs + 5 * MINUTE;
const betweenSealsMs = MINUTE;
/** So that one seal is over no more than this, and its hash is made of no more entries than memory holds with ease. */
const longestStretchMs = 60 * MINUTE;
const mostEntries = 50_000;
const shortestStretchMs = 1000;
const none = Buffer.alloc(32);

/**
 * Seals the entries of the audit that have settled: a hash over them and over the seal before. Whoever writes entries never
 * waits for it. Answers whether there is more to seal.
 */
export async function sealAudit(db: Db, now: Date): Promise<boolean> {
  const settled = now.getTime() - settledAfterMs;
  const before = await findLastSeal(db);
  if (before && settled - before.to_at.getTime() < betweenSealsMs) return false;
  return db.transaction().execute(async (tx) => {
    if (!(await lockSealing(tx))) return false;
    const last = await findLastSeal(tx);
    const from = last?.to_at ?? new Date(0);
    const first = await firstEntryAt(tx, from);
    if (first === undefined || first.getTime() >= settled) return false;
    const to = await endOf(tx, first, Math.min(settled - first.getTime(), longestStretchMs));
    if (to <= from) return false;
    const { entries, hash: entriesHash } = await hashEntries(tx, { from, to });
    const previous = last?.hash ?? none;
    await insertSeal(tx, {
      number: (last?.number ?? 0) + 1,
      from_at: from,
      to_at: to,
      entries,
      entries_hash: entriesHash,
      previous_hash: previous,
      hash: chained(previous, entriesHash, { from, to, entries }),
      sealed_at: now,
    });
    return to.getTime() < settled - betweenSealsMs;
  });
}

/** Up to where one seal is, of entries that begin at `first`. */
async function endOf(tx: Tx, first: Date, longestMs: number): Promise<Date> {
  let ms = longestMs;
  const stretch = () => ({ from: first, to: new Date(first.getTime() + ms) });
  while (ms > shortestStretchMs && (await hasMoreEntries(tx, stretch(), mostEntries))) ms = Math.ceil(ms / 2);
  return stretch().to;
}

function chained(
  previous: Buffer,
  entriesHash: Buffer,
  { from, to, entries }: { from: Date; to: Date; entries: number },
): Buffer {
  return createHash("sha256")
    .update(previous)
    .update(entriesHash)
    .update(`${from.toISOString()} ${to.toISOString()} ${entries}`)
    .digest();
}

/** What a look at all seals found. */
export interface SealsChecked {
  seals: number;
  entries: number;
  /** The seals that do not hold, and why. */
  broken: { number: number; from: string; to: string; why: string }[];
  /** The last seal, in hex: kept elsewhere, it shows whether later ones were cut off. Null without any. */
  last: { number: number; hash: string } | null;
}

const atOnce = 100;

/** Checks every seal against the one before it and, where retention has not taken them away, against its entries. */
export async function checkSeals(
  db: Db,
  onProgress: (seals: number) => void = () => {},
): Promise<SealsChecked> {
  const checked: SealsChecked = { seals: 0, entries: 0, broken: [], last: null };
  let before: SealRow | undefined;
  for (let next = 0; ;) {
    const seals = await findSeals(db, next, atOnce);
    for (const seal of seals) {
      const why = await flawOf(db, seal, before);
      if (why !== undefined) {
        const { number, from_at, to_at } = seal;
        checked.broken.push({ number, from: from_at.toISOString(), to: to_at.toISOString(), why });
      }
      checked.seals++;
      checked.entries += seal.entries;
      checked.last = { number: seal.number, hash: seal.hash.toString("hex") };
      before = seal;
    }
    onProgress(checked.seals);
    if (seals.length < atOnce) return checked;
    next = seals.at(-1)!.number + 1;
  }
}

async function flawOf(db: Db, seal: SealRow, before: SealRow | undefined): Promise<string | undefined> {
  const stretch = { from: seal.from_at, to: seal.to_at };
  if (seal.number !== (before?.number ?? 0) + 1) return "a seal before it is missing";
  if (before && before.to_at.getTime() !== stretch.from.getTime())
    return "it does not begin where the one before ends";
  if (!isSame(seal.previous_hash, before?.hash ?? none)) return "the seal before it is another one";
  if (
    !isSame(seal.hash, chained(seal.previous_hash, seal.entries_hash, { ...stretch, entries: seal.entries }))
  )
    return "it was changed";
  if (seal.is_pruned) return undefined;
  const { entries, hash } = await hashEntries(db, stretch);
  if (entries !== seal.entries) return `it has ${entries} entries, where there were ${seal.entries}`;
  return isSame(hash, seal.entries_hash) ? undefined : "an entry was changed";
}

function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
