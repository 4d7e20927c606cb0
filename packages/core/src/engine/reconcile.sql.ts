import { type Session, statement } from "../database/statement.ts";
import { type Held, type Left, lost } from "../executions/life.sql.ts";

type LookValues = { cursor: string; limit: number; worker_id: string; held: string[]; numbers: number[] };

const look = statement<
  LookValues,
  { size: number; last: string | null; lost_workers: string[] } & (Left | { id: null })
>(
  "look",
  `with stretch as (
    select id from open_executions where id > :cursor::uuid order by id limit :limit::integer
  ), left_behind as (
    select e.id, e.attempt_count as number, e.worker_id, coalesce(w.heartbeat_at = '${lost}', false) as lost
    from stretch s
    -- "offset 0" keeps the planner from joining: each is found by its key, however many there seem to be.
    cross join lateral (
      select id, attempt_count, worker_id from executions where id = s.id and status = 'running' offset 0
    ) e
    left join workers w on w.id = e.worker_id
    where case when e.worker_id = :worker_id::uuid
      then (e.id, e.attempt_count) not in (select * from unnest(:held::uuid[], :numbers::integer[]))
      else w.id is null or w.heartbeat_at = '${lost}' end
  )
  select stretch.*, l.* from (
    select count(*)::integer as size, (select id from stretch order by id desc limit 1) as last,
      array(select id from workers where heartbeat_at = '${lost}' and id <> :worker_id::uuid) as lost_workers
    from stretch
  ) stretch left join left_behind l on true`,
);

/**
 * Looks along a stretch of the executions that are not over, so that a look costs the same however many there are, for
 * those whose worker is lost or unknown, and for those that run in the name of the worker that looks without its
 * knowing: when the answer to its commit was lost, the commit may have happened all the same.
 */
export async function lookForLeft(
  session: Session,
  { cursor, limit }: { cursor: string; limit: number },
  { id, held }: { id: string; held: Held[] },
): Promise<{ left: Left[]; lostWorkers: string[]; cursor: string | null }> {
  const rows = await look(session, {
    cursor,
    limit,
    worker_id: id,
    held: held.map((one) => one.id),
    numbers: held.map(({ number }) => number),
  });
  const { size, last, lost_workers } = rows[0]!;
  return {
    left: rows.filter((row): row is typeof row & Left => row.id !== null),
    lostWorkers: lost_workers,
    cursor: size === limit ? last : null,
  };
}
