import { shareInSql } from "../sending/destination.ts";

/** A UUIDv7 of an instant, as `newId` makes them; gen_random_uuid() has its version and variant where they belong. */
const idAt = (instant: string): string =>
  `(lpad(to_hex(floor(extract(epoch from ${instant}) * 1000)::bigint), 12, '0')
    || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid`;

/** Of whom it is known whether they answer: the host of a callback, or a channel. */
export const hostOf = (d: string): string =>
  `coalesce('channel:' || ${d}.channel_id, split_part(${d}.url, '/', 3))`;

/** The receiver of a delivery `d`, by whose share of what is under way it is sent. */
export const receiverOf = (d: string): string => shareInSql(d, hostOf(d));

/**
 * The statement, to stand as a CTE in the one that ends executions, that records whom their ends are told. `ended` names a
 * relation of those that are over, with id, scope_id, job_id, revision_id and finished_at. It returns what `put` takes.
 */
export function makeCallbacks(ended: string): string {
  // "offset 0" keeps the planner from joining: each revision is found by its key, however many there seem to be.
  return `insert into deliveries as d (id, scope_id, kind, execution_id, job_id, url, status, due_at, created_at)
    select ${idAt("o.finished_at")}, o.scope_id, 'callback', o.id, o.job_id, r.callback_url, 'pending', o.finished_at, o.finished_at
    from ${ended} o cross join lateral (
      select callback_url from revisions where id = o.revision_id offset 0
    ) r
    where r.callback_url is not null
    on conflict do nothing
    returning d.id, d.scope_id, ${receiverOf("d")} as share, d.due_at`;
}
