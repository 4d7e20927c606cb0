import type { RuleEvent } from "@org/scheduler-contract";
import { noteStandings, type Standing } from "../channels/channels.sql.ts";
import { signal } from "../database/signals.ts";
import type { Session } from "../database/statement.ts";
import type { About, Gathered, Tx } from "../database/tables.ts";
import { newIds } from "../ids.ts";
import type { Carrier, DueDelivery } from "./tell.ts";
import {
  channelShare,
  findGathering,
  type Gathering,
  insertNotifications,
  lockChannels,
  moveGathered,
  type NewNotification,
  updateGathered,
} from "./gather.sql.ts";

/** How many messages a channel gets within a minute; what is beyond that comes together at its end. */
export const messagesPerMinute = 10;
const windowMs = 60_000;
const namedJobs = 5;

/** A notification before it is known whether it is a message of its own. */
export interface Fresh {
  scopeId: number;
  channelId: string;
  executionId: string;
  jobId: string;
  jobName: string;
  event: RuleEvent;
  about: About;
  /** The job, or its queue, is muted. */
  muted: { by: string; until: Date } | undefined;
}

/** Whom or what a mute is of. */
export const mutedBy = {
  channel: "channel",
  job: (id: string): string => `job:${id}`,
  queue: (name: string): string => `queue:${name}`,
};

const burst = "burst";

/**
 * Stores notifications, as part of a transaction: each as a message of its own, or gathered with others where a channel
 * has had its messages of this minute, or while it is muted. Answers what is due. What is gathered by one key is one
 * message, whose time is that of its first notification.
 */
export async function storeNotifications(session: Session, fresh: Fresh[]): Promise<DueDelivery[]> {
  if (fresh.length === 0) return [];
  const ids = [...new Set(fresh.map(({ channelId }) => channelId))];
  const locked = await lockChannels(session, ids);
  const standings = new Map(locked.standings.map((one) => [one.id, one]));
  const placed = fresh.flatMap((one) => {
    const standing = standings.get(one.channelId);
    // Deleted meanwhile.
    return standing ? [{ one, standing, place: placeOf(one, standing) }] : [];
  });
  const changed = [...standings.values()].filter(({ id }) => placed.some(isNoted(id)));
  if (changed.length > 0) await noteStandings(session, changed);
  const now = [...standings.values()][0]?.now ?? new Date();
  const single = placed.flatMap(({ one, place }) => (place === "alone" ? [one] : []));
  const gathered = placed.flatMap(({ one, place }) => (typeof place === "object" ? [{ one, place }] : []));
  const rows = singleRows(single, now);
  const { grown, begun } = await gather(session, { placed: gathered, known: locked.gathering, now });
  await updateGathered(session, grown);
  const stored = [...rows, ...begun];
  await insertNotifications(session, stored);
  return stored.map((row) => ({
    id: row.id,
    scope_id: row.scope_id,
    share: channelShare(row.scope_id, row.channel_id),
    dueAt: row.due_at,
  }));
}

/** Whether a place was counted in a channel's row. */
function isNoted(channelId: string) {
  return ({ one, place }: { one: Fresh; place: Place }): boolean =>
    one.channelId === channelId && (place === "alone" || place === "untold");
}

type Place = "alone" | "untold" | { kind: "summary" | "muted"; key: string; dueAt: Date };

/** Counts it for its channel, which others wait for meanwhile. */
function placeOf({ muted }: Fresh, standing: Standing): Place {
  const { now, muted_until: until } = standing;
  if (standing.disabled_at !== null) {
    standing.untold += 1;
    return "untold";
  }
  if (until !== null && until > now) return { kind: "muted", key: mutedBy.channel, dueAt: until };
  if (muted && muted.until > now) return { kind: "muted", key: muted.by, dueAt: muted.until };
  const began = standing.window_began_at;
  if (began === null || now.getTime() - began.getTime() >= windowMs)
    Object.assign(standing, { window_began_at: now, window_count: 0 });
  // Beyond the limit there is nothing to count: the channel's row stays as it is.
  if (standing.window_count < messagesPerMinute) {
    standing.window_count += 1;
    return "alone";
  }
  const dueAt = new Date(standing.window_began_at!.getTime() + windowMs);
  return { kind: "summary", key: burst, dueAt };
}

function singleRows(single: Fresh[], now: Date): NewNotification[] {
  const ids = newIds(now, single.length);
  return single.map((one, index) => ({
    id: ids[index]!,
    scope_id: one.scopeId,
    kind: "notification",
    execution_id: one.executionId,
    job_id: one.jobId,
    channel_id: one.channelId,
    event: one.event,
    about: one.about,
    gathers: null,
    due_at: now,
  }));
}

type Placed = { one: Fresh; place: Exclude<Place, string> };

async function gather(
  session: Session,
  { placed, known, now }: { placed: Placed[]; known: Gathering[]; now: Date },
): Promise<{ grown: Gathering[]; begun: NewNotification[] }> {
  if (placed.length === 0) return { grown: [], begun: [] };
  const nameOf = (channel: string, key: string): string => `${channel} ${key}`;
  const open = new Map(known.map((row) => [nameOf(row.channel_id, row.gathers), row]));
  const missing = placed.filter(({ one, place }) => !open.has(nameOf(one.channelId, place.key)));
  const channels = [...new Set(missing.map(({ one }) => one.channelId))];
  // Somebody may have begun to gather while this waited for the channels.
  for (const row of channels.length === 0 ? [] : await findGathering(session, channels))
    open.set(nameOf(row.channel_id, row.gathers), row);
  const grown = new Map<string, Gathering>();
  const begun = new Map<string, NewNotification & { about: { gathered: Gathered } }>();
  for (const { one, place } of placed) {
    const name = nameOf(one.channelId, place.key);
    const into = open.get(name) ?? begun.get(name);
    if (into) add(into.about.gathered, one);
    if (open.has(name)) grown.set(name, open.get(name)!);
    if (!into) begun.set(name, newGathering(one, place, now));
  }
  return { grown: [...grown.values()], begun: [...begun.values()] };
}

function newGathering(
  one: Fresh,
  { kind, key, dueAt }: Placed["place"],
  now: Date,
): NewNotification & { about: { gathered: Gathered } } {
  const gathered: Gathered = {};
  add(gathered, one);
  return {
    id: newIds(now, 1)[0]!,
    scope_id: one.scopeId,
    kind,
    execution_id: null,
    job_id: null,
    channel_id: one.channelId,
    event: null,
    about: { gathered },
    gathers: key,
    due_at: dueAt,
  };
}

function add(gathered: Gathered, { event, jobName }: Fresh): void {
  const of = (gathered[event] ??= { count: 0, jobs: [] });
  of.count += 1;
  const name = jobName.slice(0, 100);
  if (of.jobs.length < namedJobs && !of.jobs.includes(name)) of.jobs.push(name);
}

/** Gives what was gathered in a silence its time: when that ends, or now. A channel's, a job's or a queue's. */
export async function retimeGathered(
  { tx, now, caller, deliveries }: { tx: Tx; now: Date; caller: { scopeId: number }; deliveries: Carrier },
  of: { channel: string } | { job: string } | { queue: string },
  until: Date | null,
): Promise<void> {
  const dueAt = until !== null && until > now ? until : now;
  const [gathers, channelId] =
    "channel" in of
      ? [mutedBy.channel, of.channel]
      : ["job" in of ? mutedBy.job(of.job) : mutedBy.queue(of.queue), undefined];
  const { scopeId } = caller;
  const moved = await moveGathered(tx, scopeId, { gathers, channelId, dueAt });
  if (moved.length === 0) return;
  await deliveries.move(
    tx,
    moved.map(({ id, channel_id }) => ({
      id,
      scope_id: scopeId,
      share: channelShare(scopeId, channel_id),
      dueAt,
    })),
  );
  await signal(tx, "delivery");
}
