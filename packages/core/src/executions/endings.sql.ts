import { type RawBuilder, type Selectable, sql } from "kysely";
import { MAX, NIL } from "uuid";
import { makeCallbacks } from "../database/callbacks.ts";
import { giveBack, tellJobs } from "../database/ended-jobs.ts";
import type { Db, Endings, Tx } from "../database/tables.ts";

export type Ending = Pick<Selectable<Endings>, "scope_id" | "kind" | "id" | "reason">;

/** What one statement ends, or looks at, so that it takes milliseconds however much waits. */
const step = 500;

/** What a step looked at: how many, the first and the last of them. And how many of those it ended. */
interface Step {
  size: number;
  first: string | null;
  last: string | null;
  ended: number;
}

/** How many steps whoever cancels or deletes takes at once: what is usual is over with the answer. */
const stepsAtOnce = 5;

/**
 * Ends what waits of a job or a replay that is canceled or deleted by now: no worker starts any of it from here on. The
 * newest are ended at once. Where more may wait, workers end the rest, a step at a time. Answers whether any was ended.
 */
export async function endWaitingOf(tx: Tx, ending: Ending, now: Date): Promise<boolean> {
  const { id, kind } = ending;
  const of = kind === "job" ? sql`job_id = ${id}::uuid` : sql`replay_id = ${id}::uuid`;
  let any = false;
  let before: string = MAX;
  for (let taken = 0; taken < stepsAtOnce; taken++) {
    const stretch = sql`
      select id from scheduler.executions where ${of} and id < ${before}::uuid order by id desc limit ${step}`;
    const { size, first, ended } = await endStretch(tx, ending, stretch, now);
    any ||= ended > 0;
    if (size < step) return any;
    before = first!;
  }
  await tx
    .insertInto("endings")
    .values({ ...ending, cursor: NIL })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return any;
}

/** Takes the next step of whatever has more to end. Answers whether there is more to do. */
export async function endMore(db: Db, now: Date | null): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const ending = await tx
      .selectFrom("endings")
      .selectAll()
      .orderBy("created_at")
      .limit(1)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (!ending) return false;
    const { kind, id, cursor } = ending;
    // A job's history may be long, and what is open is not; a replay is never long.
    const stretch =
      kind === "job"
        ? sql`select id from scheduler.open_executions where id > ${cursor}::uuid order by id limit ${step}`
        : sql`select id from scheduler.executions where replay_id = ${id}::uuid and id > ${cursor}::uuid order by id limit ${step}`;
    const { size, last } = await endStretch(tx, ending, stretch, now);
    if (size < step) await tx.deleteFrom("endings").where("id", "=", id).execute();
    else await tx.updateTable("endings").set({ cursor: last! }).where("id", "=", id).execute();
    return true;
  });
}

/** Ends what waits of a stretch, but for what somebody has in hand: it has just started, or ends when it is looked at. */
async function endStretch(
  tx: Tx,
  { kind, id, reason }: Ending,
  stretch: RawBuilder<unknown>,
  now: Date | null,
): Promise<Step> {
  const at = sql`coalesce(${now}::timestamptz, now())`;
  const which =
    kind === "job" ? sql`e.job_id = ${id}::uuid` : sql`e.replay_id = ${id}::uuid and e.attempt_count = 0`;
  const { rows } = await sql<Step>`
    with stretch as materialized (${stretch}), waiting as (
      select e.id from scheduler.executions e
      where e.id = any(array(select id from stretch)) and ${which} and e.status in ('pending', 'retrying')
      for update skip locked
    ), ended as (
      update scheduler.executions e
      set status = 'canceled', reason = ${reason}, due_at = null, lane_at = null, finished_at = ${at}
      where e.id = any(array(select id from waiting))
      returning e.id, e.scope_id, e.job_id, e.revision_id, e.trigger, e.status, e.finished_at, e.reason, e.replay_of,
        e.created_at
    ), called as (
      ${sql.raw(makeCallbacks("ended"))}
    ), told as (
      ${sql.raw(tellJobs("ended"))}
    ), given_back as (
      ${sql.raw(giveBack("ended"))}
    ), closed as (
      delete from scheduler.open_executions where id = any(array(select id from ended))
    )
    select (select count(*)::integer from stretch) as size, (select id from stretch order by id limit 1) as first,
      (select id from stretch order by id desc limit 1) as last, (select count(*)::integer from ended) as ended`.execute(
    tx,
  );
  return rows[0]!;
}
