import type { Insertable, Selectable, Updateable } from "kysely";
import { isOf, type Makers } from "../database/page.ts";
import { type Session, statement } from "../database/statement.ts";
import type { Channels, Tx } from "../database/tables.ts";

export type ChannelRow = Selectable<Channels>;

/** Finds a channel and keeps others from changing it until the transaction ends. */
export function lockChannel(tx: Tx, of: Makers, id: string): Promise<ChannelRow | undefined> {
  return tx
    .selectFrom("channels")
    .selectAll()
    .where("scope_id", "=", of.scopeId)
    .where("id", "=", id)
    .where(isOf(of, "channels"))
    .forUpdate()
    .executeTakeFirst();
}

export async function countChannels(tx: Tx, scopeId: number): Promise<number> {
  const { count } = await tx
    .selectFrom("channels")
    .select((eb) => eb.fn.countAll<string>().as("count"))
    .where("scope_id", "=", scopeId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function insertChannel(tx: Tx, row: Insertable<Channels>): Promise<ChannelRow> {
  return tx.insertInto("channels").values(row).returningAll().executeTakeFirstOrThrow();
}

export async function updateChannel(tx: Tx, id: string, change: Updateable<Channels>): Promise<ChannelRow> {
  return tx.updateTable("channels").set(change).where("id", "=", id).returningAll().executeTakeFirstOrThrow();
}

/** Deletes a channel with its rules, and what was gathered for it. Answers how many rules went. */
export async function deleteChannel(tx: Tx, id: string): Promise<number> {
  const rules = await tx.deleteFrom("rules").where("channel_id", "=", id).executeTakeFirstOrThrow();
  await tx.deleteFrom("channels").where("id", "=", id).execute();
  return Number(rules.numDeletedRows);
}

/** A channel as it stands between two notifications. */
export type Standing = Pick<
  ChannelRow,
  "id" | "muted_until" | "disabled_at" | "untold" | "window_began_at" | "window_count"
> & { now: Date };

const note = statement<
  { ids: string[]; began_at: (string | null)[]; counts: number[]; untold: number[] },
  { id: string }
>(
  "note_channels",
  `update channels c set window_began_at = i.began_at, window_count = i.count, untold = i.untold
  from unnest(:ids::uuid[], :began_at::timestamptz[], :counts::integer[], :untold::integer[])
    as i(id, began_at, count, untold)
  where c.id = i.id and c.id = any(:ids::uuid[])`,
);

export async function noteStandings(session: Session, standings: Standing[]): Promise<void> {
  await note(session, {
    ids: standings.map(({ id }) => id),
    began_at: standings.map((one) => one.window_began_at?.toISOString() ?? null),
    counts: standings.map((one) => one.window_count),
    untold: standings.map(({ untold }) => untold),
  });
}

const disable = statement<{ ids: string[]; reasons: string[] }, { id: string }>(
  "disable_channels",
  `update channels c set disabled_at = :now, disabled_reason = i.reason, updated_at = :now
  from unnest(:ids::uuid[], :reasons::text[]) as i(id, reason)
  where c.id = i.id and c.id = any(:ids::uuid[]) and c.disabled_at is null`,
);

/** Sends nothing more to channels of which their services say that they are gone. */
export async function disableChannels(
  session: Session,
  gone: { id: string; reason: string }[],
): Promise<void> {
  if (gone.length === 0) return;
  await disable(session, { ids: gone.map(({ id }) => id), reasons: gone.map(({ reason }) => reason) });
}
