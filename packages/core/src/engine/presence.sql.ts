import { sql } from "kysely";
import { statement } from "../database/statement.ts";
import type { Db } from "../database/tables.ts";
import { type Held, lost } from "../executions/life.sql.ts";
import { defaultQueue } from "../queues/queue.ts";

/** A worker, and when it last beat: the text of an instant, or `lost` once the others took it for dead. */
export interface Beat {
  id: string;
  beat: string;
}

/** Two beats always differ, also within one tick of the database's clock: the others look for nothing but a change. */
const again = statement<{ worker_id: string }, Beat & { known: boolean }>(
  "beat",
  `with beaten as (
    update workers
    set heartbeat_at = case when heartbeat_at = now() then now() + interval '1 microsecond' else now() end
    where id = :worker_id::uuid and heartbeat_at > '${lost}' returning id
  )
  select id, heartbeat_at::text as beat, exists (select from beaten) as known from workers`,
);

/**
 * Says that a worker lives. Answers when the others last did so, or null where nobody knows this one, or where it was
 * taken for dead: then it has to join.
 */
export async function beatAgain(db: Db, workerId: string): Promise<Beat[] | null> {
  const rows = await again({ db, now: null }, { worker_id: workerId });
  return rows[0]?.known ? rows.filter(({ id }) => id !== workerId) : null;
}

export async function join(
  db: Db,
  worker: { id: string; host: string; pid: number; slots: number },
): Promise<void> {
  await sql`
    insert into workers (id, host, pid, slots)
    values (${worker.id}, ${worker.host}, ${worker.pid}, ${worker.slots})
    on conflict (id) do update set heartbeat_at = now()`.execute(db);
}

/**
 * Takes a worker off the list. One that could not hand back all that runs in its name stays there as lost, so that the
 * others take it back.
 */
export async function leave(db: Db, { id, held }: { id: string; held: number }): Promise<void> {
  if (held === 0) await db.deleteFrom("workers").where("id", "=", id).execute();
  else await sql`update workers set heartbeat_at = ${lost} where id = ${id}::uuid`.execute(db);
}

/** Takes every known worker for dead: for a database that only this process can have open, and has just opened. */
export async function loseAllWorkers(db: Db): Promise<void> {
  await sql`update workers set heartbeat_at = ${lost}`.execute(db);
}

/** Takes workers for dead that have not beaten since. From then on, a worker that comes back has to join anew. */
export async function loseWorkers(db: Db, silent: Beat[]): Promise<void> {
  await sql`
    update workers w set heartbeat_at = ${lost}
    from unnest(${silent.map(({ id }) => id)}::uuid[], ${silent.map(({ beat }) => beat)}::timestamptz[]) s(id, beat)
    where w.id = s.id and w.heartbeat_at = s.beat`.execute(db);
}

/** Forgets lost workers in whose name nothing runs any more. */
export async function forgetLostWorkers(db: Db, ids: string[]): Promise<void> {
  await sql`
    delete from workers where id = any(${ids}::uuid[]) and heartbeat_at = ${lost}`.execute(db);
}

/**
 * Gives a worker back what was taken from it and nobody has begun since: its requests are still under way, and nobody
 * else must send them. Answers how many.
 */
export async function resume(db: Db, workerId: string, held: Held[]): Promise<number> {
  const { numAffectedRows } = await sql`
    with mine as (
      select id, attempt_count from executions
      where id = any(${held.map(({ id }) => id)}::uuid[]) and status = 'retrying'
        and (id, attempt_count) in (
          select * from unnest(${held.map(({ id }) => id)}::uuid[], ${held.map(({ number }) => number)}::integer[]))
      for update
    ), cut as (
      delete from attempts a using mine
      where a.execution_id = mine.id and a.number = mine.attempt_count and a.status = 'interrupted'
      returning a.execution_id as id, a.started_at
    ), counted as (
      update open_executions o set counts_in = e.queue
      from cut join executions e on e.id = cut.id
      where o.id = cut.id and e.queue <> ${defaultQueue}
    )
    update executions e
    set status = 'running', worker_id = ${workerId}::uuid, running_since = cut.started_at, due_at = null, line_at = null,
      reason = null, error_code = null, error = null, interruptions = e.interruptions - 1
    from cut where e.id = cut.id`.execute(db);
  return Number(numAffectedRows ?? 0);
}
