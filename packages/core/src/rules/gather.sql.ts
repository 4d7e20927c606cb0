import { sql } from "kysely";
import type { DeliveryKind, RuleEvent } from "@org/scheduler-contract";
import type { Standing } from "../channels/channels.sql.ts";
import { type Session, statement } from "../database/statement.ts";
import type { About, Gathered, Tx } from "../database/tables.ts";

/** The receiver of what goes to a channel, by whose share of what is under way it is sent. */
export function channelShare(scopeId: number, channelId: string): string {
  return `${scopeId} channel:${channelId}`;
}

/** A delivery to a channel that is to be stored. */
export interface NewNotification {
  id: string;
  scope_id: number;
  kind: DeliveryKind;
  execution_id: string | null;
  job_id: string | null;
  channel_id: string;
  event: RuleEvent | null;
  about: About;
  gathers: string | null;
  due_at: Date;
}

interface InsertValues {
  ids: string[];
  scope_ids: number[];
  kinds: string[];
  executions: (string | null)[];
  of_jobs: (string | null)[];
  channels: string[];
  events: (string | null)[];
  abouts: string[];
  gather: (string | null)[];
  due_at: string[];
}

const insert = statement<InsertValues, { id: string }>(
  "insert_notifications",
  `insert into deliveries (id, scope_id, kind, execution_id, job_id, channel_id, event, about, gathers, status, due_at,
    created_at)
  select id, scope_id, kind, execution_id, job_id, channel_id, event, about::jsonb, gathers, 'pending', due_at, :now
  from unnest(:ids::uuid[], :scope_ids::integer[], :kinds::text[], :executions::uuid[], :of_jobs::uuid[],
    :channels::uuid[], :events::text[], :abouts::text[], :gather::text[], :due_at::timestamptz[])
    as i(id, scope_id, kind, execution_id, job_id, channel_id, event, about, gathers, due_at)`,
);

export async function insertNotifications(session: Session, rows: NewNotification[]): Promise<void> {
  if (rows.length === 0) return;
  await insert(session, {
    ids: rows.map(({ id }) => id),
    scope_ids: rows.map((row) => row.scope_id),
    kinds: rows.map(({ kind }) => kind),
    executions: rows.map((row) => row.execution_id),
    of_jobs: rows.map((row) => row.job_id),
    channels: rows.map((row) => row.channel_id),
    events: rows.map(({ event }) => event),
    abouts: rows.map(({ about }) => JSON.stringify(about)),
    gather: rows.map(({ gathers }) => gathers),
    due_at: rows.map((row) => row.due_at.toISOString()),
  });
}

/** A delivery that gathers notifications and has not been sent. */
export interface Gathering {
  id: string;
  channel_id: string;
  gathers: string;
  about: { gathered: Gathered };
}

const open = (channels: string): string => `select id, channel_id, gathers, about from deliveries
  where channel_id = any(${channels}) and gathers is not null and status = 'pending' and not is_closed
  order by channel_id, gathers for update`;

type Locked = Standing & { delivery_id: string | null } & Pick<Gathering, "gathers" | "about">;

const lock = statement<{ ids: string[] }, Locked>(
  "lock_channels",
  `with locked as (
    select id, muted_until, disabled_at, untold, window_began_at, window_count, :clock as now
    from channels where id = any(:ids::uuid[]) order by id for update
  ), gathering as (
    ${open("array(select id from locked)")}
  )
  select l.*, g.id as delivery_id, g.gathers, g.about from locked l left join gathering g on g.channel_id = l.id`,
);

/**
 * Locks channels, in one order: what one of them is told, one transaction after the other decides. Answers with them what
 * is being gathered for them, but not what somebody began while this waited: the statement sees the time before.
 */
export async function lockChannels(
  session: Session,
  ids: string[],
): Promise<{ standings: Standing[]; gathering: Gathering[] }> {
  const rows = await lock(session, { ids });
  const standings = new Map(rows.map((row) => [row.id, row]));
  const gathering = rows.flatMap(({ id: channel_id, delivery_id: id, gathers, about }) =>
    id === null ? [] : [{ id, channel_id, gathers, about }],
  );
  return { standings: [...standings.values()], gathering };
}

const gathering = statement<{ channels: string[] }, Gathering>("gathering", open(":channels::uuid[]"));

/** What is being gathered for channels that the caller has locked. */
export function findGathering(session: Session, channelIds: string[]): Promise<Gathering[]> {
  return gathering(session, { channels: channelIds });
}

const regather = statement<{ ids: string[]; abouts: string[] }, { id: string }>(
  "gather",
  `update deliveries d set about = i.about::jsonb
  from unnest(:ids::uuid[], :abouts::text[]) as i(id, about)
  where d.id = i.id and d.id = any(:ids::uuid[])`,
);

export async function updateGathered(
  session: Session,
  rows: Pick<Gathering, "id" | "about">[],
): Promise<void> {
  if (rows.length === 0) return;
  await regather(session, {
    ids: rows.map(({ id }) => id),
    abouts: rows.map(({ about }) => JSON.stringify(about)),
  });
}

/** Gives what is gathered another time; answers what it was given to. */
export async function moveGathered(
  tx: Tx,
  scopeId: number,
  { gathers, channelId, dueAt }: { gathers: string; channelId?: string | undefined; dueAt: Date },
): Promise<{ id: string; channel_id: string }[]> {
  const ofChannel = channelId === undefined ? sql`` : sql`and channel_id = ${channelId}::uuid`;
  const { rows } = await sql<{ id: string; channel_id: string }>`
    update deliveries set due_at = ${dueAt}
    where scope_id = ${scopeId} and gathers = ${gathers} and status = 'pending' and not is_closed ${ofChannel}
      and channel_id is not null
    returning id, channel_id`.execute(tx);
  return rows;
}
