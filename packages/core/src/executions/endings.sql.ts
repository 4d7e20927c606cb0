import { type RawBuilder, type Selectable, sql } from "kysely";
import { MAX, NIL } from "uuid";
import type { Endings } from "../database/tables.ts";
import { endWaiting } from "./life.sql.ts";
import type { EndingSession } from "../rules/tell.ts";

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
export async function endWaitingOf(session: EndingSession, ending: Ending): Promise<boolean> {
  const { id, kind } = ending;
  const of = kind === "job" ? sql`job_id = ${id}::uuid` : sql`replay_id = ${id}::uuid`;
  let any = false;
  let before: string = MAX;
  for (let taken = 0; taken < stepsAtOnce; taken++) {
    const stretch = sql`
      select id from executions where ${of} and id < ${before}::uuid order by id desc limit ${step}`;
    const { size, first, ended } = await endStretch(session, ending, stretch);
    any ||= ended > 0;
    if (size < step) return any;
    before = first!;
  }
  await session.db
    .insertInto("endings")
    .values({ ...ending, cursor: NIL })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return any;
}

/** Takes the next step of whatever has more to end, in a transaction. Answers whether there is more to do. */
export async function endMore(session: EndingSession): Promise<boolean> {
  const { db } = session;
  const ending = await db
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
      ? sql`select id from open_executions where id > ${cursor}::uuid order by id limit ${step}`
      : sql`select id from executions where replay_id = ${id}::uuid and id > ${cursor}::uuid order by id limit ${step}`;
  const { size, last } = await endStretch(session, ending, stretch);
  if (size < step) await db.deleteFrom("endings").where("id", "=", id).execute();
  else await db.updateTable("endings").set({ cursor: last! }).where("id", "=", id).execute();
  return true;
}

/** Ends what waits of a stretch, but for what somebody has in hand: it has just started, or ends when it is looked at. */
async function endStretch(
  session: EndingSession,
  { kind, id, reason }: Ending,
  stretch: RawBuilder<unknown>,
): Promise<Step> {
  const which =
    kind === "job" ? sql`e.job_id = ${id}::uuid` : sql`e.replay_id = ${id}::uuid and e.attempt_count = 0`;
  const { rows } = await sql<Omit<Step, "ended"> & { waiting: string[] }>`
    with stretch as materialized (${stretch}), waiting as (
      select e.id from executions e
      where e.id = any(array(select id from stretch)) and ${which} and e.status in ('pending', 'retrying')
      for update skip locked
    )
    select (select count(*)::integer from stretch) as size, (select id from stretch order by id limit 1) as first,
      (select id from stretch order by id desc limit 1) as last, array(select id from waiting) as waiting`.execute(
    session.db,
  );
  const { waiting, ...step } = rows[0]!;
  const ended = await endWaiting(
    session,
    waiting.map((execution) => ({ id: execution, status: "canceled", reason })),
  );
  return { ...step, ended: ended.size };
}
