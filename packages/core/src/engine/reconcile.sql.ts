import { type RawBuilder, sql } from "kysely";
import { makeCallbacks } from "../database/callbacks.ts";
import { statement } from "../database/statement.ts";
import type { Db } from "../database/tables.ts";
import { lost } from "./presence.sql.ts";
import type { Held } from "./slots.ts";

/** The instant that counts: the one given, or the database's. */
function instant(at: Date | null): RawBuilder<Date> {
  return sql<Date>`coalesce(${at}::timestamptz, now())`;
}

/** How many times a worker may be lost under an execution before that counts as the execution's own doing. */
const maxInterruptions = 5;

/** An execution that runs, though nobody may have it in hand. */
export interface Left {
  id: string;
  /** Its attempt. */
  number: number;
  worker_id: string;
  /** Its worker is lost; otherwise nobody is known to be, and it is only suspected. */
  lost: boolean;
}

const look = statement<{ size: number; last: string | null; lost_workers: string[] } & (Left | { id: null })>(
  "look",
  `with stretch as (
    select id from scheduler.open_executions where id > $1::uuid order by id limit $2::integer
  ), left_behind as (
    select e.id, e.attempt_count as number, e.worker_id, coalesce(w.heartbeat_at = '${lost}', false) as lost
    from stretch s
    -- "offset 0" keeps the planner from joining: each is found by its key, however many there seem to be.
    cross join lateral (
      select id, attempt_count, worker_id from scheduler.executions where id = s.id and status = 'running' offset 0
    ) e
    left join scheduler.workers w on w.id = e.worker_id
    where case when e.worker_id = $3::uuid
      then (e.id, e.attempt_count) not in (select * from unnest($4::uuid[], $5::integer[]))
      else w.id is null or w.heartbeat_at = '${lost}' end
  )
  select stretch.*, l.* from (
    select count(*)::integer as size, (select id from stretch order by id desc limit 1) as last,
      array(select id from scheduler.workers where heartbeat_at = '${lost}' and id <> $3::uuid) as lost_workers
    from stretch
  ) stretch left join left_behind l on true`,
);

/**
 * Looks along a stretch of the executions that are not over, so that a look costs the same however many there are, for
 * those whose worker is lost or unknown, and for those that run in the name of the worker that looks without its
 * knowing: when the answer to its commit was lost, the commit may have happened all the same.
 */
export async function lookForLeft(
  db: Db,
  { cursor, limit }: { cursor: string; limit: number },
  { id, held }: { id: string; held: Held[] },
): Promise<{ left: Left[]; lostWorkers: string[]; cursor: string | null }> {
  const values = [cursor, limit, id, held.map((one) => one.id), held.map(({ number }) => number)];
  const rows = await look(db, values);
  const { size, last, lost_workers } = rows[0]!;
  return {
    left: rows.filter((row): row is typeof row & Left => row.id !== null),
    lostWorkers: lost_workers,
    cursor: size === limit ? last : null,
  };
}

/**
 * Takes running executions back: the cut attempt is recorded as `interrupted` and the execution is due again at once.
 * Answers which. A worker that comes back joins only when this is over, and learns that it was lost.
 */
export async function takeBack(db: Db, left: Left[], at: Date | null): Promise<Held[]> {
  const { rows } = await sql<Held>`
    with lost_workers as (
      select id from scheduler.workers where heartbeat_at = ${lost} for share
    ), input as (
      select * from json_to_recordset(${JSON.stringify(left)}::json) as x(id uuid, number integer, worker_id uuid, lost boolean)
    ), lost as (
      select e.id, e.running_since
      from scheduler.executions e
      where e.id = any(${left.map(({ id }) => id)}::uuid[]) and e.status = 'running'
        and exists (
          select 1 from input i where i.id = e.id and i.number = e.attempt_count and i.worker_id = e.worker_id
            and (i.worker_id in (select id from lost_workers) or not i.lost))
      for update of e skip locked
    ), settled as (
      update scheduler.executions e
      set status = case when e.interruptions < ${maxInterruptions} then 'retrying' else 'failed' end,
        due_at = case when e.interruptions < ${maxInterruptions} then ${instant(at)} end,
        finished_at = case when e.interruptions < ${maxInterruptions} then null else ${instant(at)} end,
        worker_id = null, running_since = null, interruptions = e.interruptions + 1,
        error_code = 'worker_lost', error = 'The worker that held this execution stopped answering.'
      from lost where e.id = lost.id
      returning e.scope_id, e.id, e.job_id, e.revision_id, e.status, e.finished_at, lost.running_since, e.attempt_count
    ), called as (
      ${sql.raw(makeCallbacks("(select * from settled where finished_at is not null)"))}
    ), closed as (
      delete from scheduler.open_executions o using settled s where o.id = s.id and s.finished_at is not null
    ), freed as (
      update scheduler.open_executions o set queue = null
      from settled s where o.id = s.id and s.finished_at is null and o.queue is not null
    ), recorded as (
      insert into scheduler.attempts (scope_id, execution_id, number, status, error_code, error, started_at,
        latency_ms, response_truncated)
      select scope_id, id, attempt_count, 'interrupted', 'worker_lost',
        'The worker was lost before an answer was recorded.', running_since, 0, false
      from settled
      on conflict do nothing
    ), healthy as (
      update scheduler.jobs j
      set last_status = h.status, consecutive_failures = j.consecutive_failures + h.failures,
        state = case when j.state = 'active' and j.next_run_at is null and h.failures > 0 then 'completed' else j.state end
      from (
        select job_id, min(status) as status, count(*) filter (where finished_at is not null) as failures
        from settled group by job_id
      ) h
      where j.id = h.job_id
    )
    select id, attempt_count as number from settled`.execute(db);
  return rows;
}
