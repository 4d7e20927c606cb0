import { type Session, statement } from "../database/statement.ts";
import { defaultQueue } from "../queues/queue.ts";
import { shareInSql } from "../sending/destination.ts";
import { endOf, type EndReason } from "../executions/life.sql.ts";

/** A queue with executions in its line, the first of which may have its turn. */
export interface Line {
  scope_id: number;
  queue: string;
  /** When the first execution in the line was due. */
  line_at: Date;
}

/** An execution in the line of a queue, whose turn it is. */
export interface Turn {
  scope_id: number;
  queue: string;
  id: string;
  host: string;
  /** When the execution was due, or will be in a moment. */
  line_at: Date;
  /** Over how many seconds the requests of its queue are counted; null where its queue has no rate limit. */
  period: number | null;
  /** Why the execution is to end instead of starting; null where it starts. */
  ends: EndReason | null;
}

/**
 * The queues with executions in their lines, each found by one look into the index: how many executions wait makes no
 * difference.
 * Recursive, since PostgreSQL cannot skip from one value of an index to the next by itself.
 */
const waiting = `waiting as (
    (select scope_id, queue, line_at from executions
      where line_at is not null order by scope_id, queue, line_at limit 1)
    union all
    select next.scope_id, next.queue, next.line_at
    from waiting w cross join lateral (
      select e.scope_id, e.queue, e.line_at from executions e
      where e.line_at is not null and (e.scope_id, e.queue) > (w.scope_id, w.queue)
      order by e.scope_id, e.queue, e.line_at limit 1) next
  )`;

/** How many executions of a queue run; a row `l` names the queue. */
const running = `(select count(*) from open_executions o where o.scope_id = l.scope_id and o.counts_in = l.queue)`;

/** How many requests of a queue were sent in the period that ends now. */
const sent = `(select coalesce(sum(s.count), 0) from queue_starts s
    where s.scope_id = l.scope_id and s.queue = l.queue
      and s.last_at > :now - l.rate_period_seconds * interval '1 second')`;

const open = statement<{ least_priority: number; limit: number; seen: string[] }, Line>(
  "lines",
  `with recursive ${waiting}, l as (
    select w.*, q.concurrency, q.rate_max, q.rate_period_seconds, q.priority
    from waiting w join queues q on q.scope_id = w.scope_id and q.name = w.queue
    where not q.paused and q.priority >= :least_priority::integer and not (w.scope_id || ' ' || w.queue = any(:seen::text[]))
  )
  select l.scope_id, l.queue, l.line_at
  from l join queues q on q.scope_id = l.scope_id and q.name = l.queue
  where (l.concurrency is null or ${running} < l.concurrency) and (l.rate_max is null or ${sent} < l.rate_max)
  order by l.priority desc, l.line_at limit :limit::integer
  for update of q skip locked`,
);

/**
 * Queues that may go on and are not among those `seen`, those of the highest priority first and then those that have
 * waited longest, each locked: two workers that counted what runs in a queue at the same time would both find the same
 * free place.
 */
export function lockOpenLines(
  session: Session,
  { leastPriority, limit, seen }: { leastPriority: number; limit: number; seen: Line[] },
): Promise<Line[]> {
  const names = seen.map(({ scope_id, queue }) => `${scope_id} ${queue}`);
  return open(session, { least_priority: leastPriority, limit, seen: names });
}

/** A job of the queue was due before the first in its line, and has not got its execution yet. */
const olderUnplanned = `case when l.queue <> '${defaultQueue}' then exists (
      select 1 from jobs j where j.scope_id = l.scope_id and j.queue = l.queue
        and j.queue <> '${defaultQueue}' and j.next_run_at < l.line_at)
    else ${["not j.repeats", "j.repeats"]
      .map(
        (kind) => `exists (select 1 from jobs j
      where ${kind} and j.next_run_at < l.line_at and j.scope_id = l.scope_id and j.queue = l.queue)`,
      )
      .join(" or ")} end`;

/** Looked up row by row: joined, all revisions might be read for a few executions. */
const host = "(select r.host from revisions r where r.id = e.revision_id)";

interface TurnValues {
  scope_ids: number[];
  queues: string[];
  line_at: string[];
  room: number;
  full: string[];
}

const turns = statement<TurnValues, Turn>(
  "turns",
  `select l.scope_id, l.queue, turn.id, turn.host, turn.line_at, turn.ends,
    l.rate_period_seconds as period
  from (
    select x.*, q.concurrency, q.rate_max, q.rate_period_seconds, q.priority
    from unnest(:scope_ids::integer[], :queues::text[], :line_at::timestamptz[]) as x(scope_id, queue, line_at)
    join queues q on q.scope_id = x.scope_id and q.name = x.queue and not q.paused
  ) l
  cross join lateral (
    select case when l.concurrency = 1 and ${olderUnplanned} then 0
      else least(:room::bigint, l.concurrency - ${running}, l.rate_max - ${sent}) end as room
  ) places
  cross join lateral (
    select e.id, e.line_at, ${host} as host,
      ${endOf("e")} as ends
    from executions e
    where e.scope_id = l.scope_id and e.queue = l.queue and e.line_at is not null
      and (l.concurrency = 1 or ${shareInSql("e", host)} <> all(:full::text[]))
    order by e.line_at, e.id limit greatest(places.room, 0)
    for update of e skip locked
  ) turn
  order by l.priority desc, row_number() over (partition by l.scope_id, l.queue order by turn.line_at, turn.id)`,
);

/**
 * Whose turn it is in queues that are locked, up to `room` of each and never more than the queue has places; of equal
 * queues one of each after the other. A statement of its own, after the one that locks: it must see what others
 * committed until then, limits included. Where one goes at a time, nobody passes the first in the line: not while its
 * host is full, and not while a job that was due before it is still to be planned.
 */
export function takeTurns(
  session: Session,
  { lines, room, full }: { lines: Line[]; room: number; full: string[] },
): Promise<Turn[]> {
  return turns(session, {
    scope_ids: lines.map((line) => line.scope_id),
    queues: lines.map(({ queue }) => queue),
    line_at: lines.map((line) => line.line_at.toISOString()),
    room,
    full,
  });
}

interface StartValues {
  scope_ids: number[];
  queues: string[];
  periods: number[];
  counts: number[];
  margin_ms: number;
}

const record = statement<StartValues, { part: number }>(
  "count_starts",
  `with starts as (
    select x.*, :now + :margin_ms::integer * interval '1 millisecond' as last_at
    from unnest(:scope_ids::integer[], :queues::text[], :periods::integer[], :counts::integer[])
      as x(scope_id, queue, period, count)
  ), past as (
    delete from queue_starts s using starts x
    where s.scope_id = x.scope_id and s.queue = x.queue
      and s.last_at <= :now - x.period * interval '1 second'
  )
  insert into queue_starts (scope_id, queue, part, count, last_at)
  select scope_id, queue, floor(extract(epoch from last_at) * 100 / period)::bigint, count, last_at from starts
  on conflict (scope_id, queue, part)
    do update set count = queue_starts.count + excluded.count, last_at = greatest(queue_starts.last_at, excluded.last_at)
  returning part`,
);

/** Notes how many requests of each rate-limited queue leave now, within `marginMs`. */
export async function countStarts(
  session: Session,
  starts: { scope_id: number; queue: string; period: number; count: number }[],
  marginMs: number,
): Promise<void> {
  await record(session, {
    scope_ids: starts.map((start) => start.scope_id),
    queues: starts.map(({ queue }) => queue),
    periods: starts.map(({ period }) => period),
    counts: starts.map((start) => start.count),
    margin_ms: marginMs,
  });
}

const next = statement<object, { ms: number | null; full: boolean }>(
  "next_turn",
  `with recursive ${waiting}, l as (
    select w.scope_id, w.queue, q.concurrency, q.rate_max, q.rate_period_seconds * interval '1 second' as period
    from waiting w join queues q on q.scope_id = w.scope_id and q.name = w.queue
    where not q.paused
  )
  select (extract(epoch from min(s.last_at + l.period) - :now) * 1000)::double precision as ms,
    coalesce(bool_or(l.concurrency is not null), false) as full
  from l left join queue_starts s on l.rate_max is not null and s.scope_id = l.scope_id and s.queue = l.queue
    and s.last_at > :now - l.period`,
);

/**
 * When to look again at queues none of which goes on: until the first that has sent all it may gets room for more, null
 * where there is none; and whether one may be `full`, so that it goes on when another worker's execution is over. One
 * that is paused goes on with a notice.
 */
export async function nextTurn(session: Session): Promise<{ ms: number | null; full: boolean }> {
  return (await next(session, {}))[0]!;
}

const expire = statement<{ limit: number }, { id: string }>(
  "expired_in_lines",
  `select id from executions
  where line_at is not null and expires_at <= :now limit :limit::integer
  for update skip locked`,
);

/** Executions whose time ran out while they waited for their turn, also in queues where nothing goes on. */
export async function findExpiredInLines(session: Session, limit: number): Promise<string[]> {
  return (await expire(session, { limit })).map(({ id }) => id);
}

const recount = statement<{ cursor: string; limit: number }, { id: string }>(
  "recount",
  `with stretch as (
    select id, scope_id, counts_in from open_executions where id > :cursor::uuid order by id limit :limit::integer
  ), wrong as (
    select o.id, e.status = 'running' as runs
    from stretch s
    join queues q on q.scope_id = s.scope_id and q.name = '${defaultQueue}' and q.concurrency is not null
    cross join lateral (
      select id, status from executions
      where id = s.id and queue = '${defaultQueue}' and (s.counts_in is null) = (status = 'running') offset 0
    ) e
    join open_executions o on o.id = e.id
    for update of o skip locked
  )
  update open_executions o set counts_in = case when w.runs then '${defaultQueue}' end
  from wrong w where o.id = w.id
  returning o.id`,
);

/**
 * Makes what runs in a limited default queue count, and what does not run count no more: there it costs a write for each
 * execution, so nobody counts as long as there is no limit, and one may start or end in the moment that the limit comes.
 * Looks at a stretch of the executions that are not over.
 */
export async function countRunningInDefault(
  session: Session,
  stretch: { cursor: string; limit: number },
): Promise<void> {
  await recount(session, stretch);
}
