import { type Expression, type Selectable, sql, type SqlBool } from "kysely";
import type { ExecutionStatus } from "@org/scheduler-contract";
import type { Reach } from "../access/reach.sql.ts";
import type { Db, Executions, Replays, Tx } from "../database/tables.ts";
import { endWaitingOf } from "./endings.sql.ts";
import type { EndingSession } from "../rules/tell.ts";
import { type ExecutionFilter, matches } from "./executions.sql.ts";

export type ReplayRow = Selectable<Replays>;

/** Final executions that match; `unreplayed` leaves out those that were replayed already. */
export interface DeadLetterFilter extends ExecutionFilter {
  status: "failed" | "expired" | "canceled";
  unreplayed: boolean;
}

function deadLetters(db: Db | Tx, scopeId: number, filter: DeadLetterFilter) {
  return (
    db
      .selectFrom("executions")
      .where("executions.scope_id", "=", scopeId)
      .where((eb): Expression<SqlBool> => matches(eb, filter))
      // What a canceled replay had not sent stands no more for its original, which can be replayed itself.
      .where(sql<SqlBool>`executions.reason is distinct from 'replay_canceled'`)
      .$if(filter.unreplayed, (query) => query.where("executions.replayed_at", "is", null))
  );
}

/** Counts what matches, up to `most`. */
export async function countDeadLetters(
  tx: Tx,
  scopeId: number,
  filter: DeadLetterFilter,
  most: number,
): Promise<number> {
  const found = deadLetters(tx, scopeId, filter).select("executions.id").limit(most).as("found");
  const { count } = await tx
    .selectFrom(found)
    .select((eb) => eb.fn.countAll<string>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Which of these executions there are. */
export async function findKnown(tx: Tx, reach: Reach, ids: string[]): Promise<Set<string>> {
  const rows = await tx
    .selectFrom("executions")
    .select("executions.id")
    .where("executions.scope_id", "=", reach.scopeId)
    .where((eb): Expression<SqlBool> => matches(eb, { reach, ids }))
    .execute();
  return new Set(rows.map(({ id }) => id));
}

export type Original = Pick<Selectable<Executions>, "id" | "job_id" | "queue" | "revision_id">;

/** Marks up to `limit` executions as replayed, oldest first. Of two callers at once only one gets each. */
export async function claimOriginals(
  tx: Tx,
  scopeId: number,
  { filter, limit }: { filter: DeadLetterFilter; limit: number },
  now: Date,
): Promise<Original[]> {
  const originals = await tx
    .with("chosen", () =>
      deadLetters(tx, scopeId, filter)
        .select("executions.id")
        .orderBy("executions.id")
        .limit(limit)
        .forUpdate("executions"),
    )
    .updateTable("executions")
    .from("chosen")
    .whereRef("executions.id", "=", "chosen.id")
    .set({ replayed_at: now })
    .returning(["executions.id", "executions.job_id", "executions.queue", "executions.revision_id"])
    .execute();
  return originals.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

/** Marks one execution as replayed, and keeps it until the transaction ends. */
export async function markReplayed(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.updateTable("executions").set({ replayed_at: now }).where("id", "=", id).execute();
}

export interface NewReplay {
  id: string;
  original: Original;
  dueAt: Date;
}

/** Small enough that a statement stays far below its limit of time. */
const chunk = 1000;

/** Writes the executions of a replay, each with the revision that its original sent. */
export async function insertReplayed(
  tx: Tx,
  { scopeId, replayId }: { scopeId: number; replayId: string },
  replays: NewReplay[],
  now: Date,
): Promise<void> {
  for (let at = 0; at < replays.length; at += chunk) {
    const rows = replays.slice(at, at + chunk).map(({ id, original, dueAt }) => {
      const { job_id, queue, revision_id } = original;
      return { id, job_id, queue, revision_id, replay_of: original.id, due_at: dueAt };
    });
    await sql`
      with written as (
        insert into executions (scope_id, id, job_id, queue, revision_id, trigger, status, scheduled_for,
          due_at, replay_of, replay_id, created_at)
        select ${scopeId}::integer, id, job_id, queue, revision_id, 'replay', 'pending', due_at, due_at, replay_of,
          ${replayId}::uuid, ${now}::timestamptz
        from json_to_recordset(${JSON.stringify(rows)}::json) as x(
          id uuid, job_id uuid, queue text, revision_id uuid, replay_of uuid, due_at timestamptz)
        returning id, scope_id
      )
      insert into open_executions (id, scope_id) select id, scope_id from written`.execute(tx);
  }
}

export async function insertReplay(tx: Tx, replay: ReplayRow): Promise<void> {
  await tx.insertInto("replays").values(replay).execute();
}

export function findReplay(db: Db | Tx, scopeId: number, id: string): Promise<ReplayRow | undefined> {
  return db
    .selectFrom("replays")
    .selectAll()
    .where("scope_id", "=", scopeId)
    .where("id", "=", id)
    .executeTakeFirst();
}

/** How many executions of a replay there are in each state. */
export async function countReplayed(db: Db | Tx, id: string): Promise<Map<ExecutionStatus, number>> {
  const rows = await db
    .selectFrom("executions")
    .select((eb) => ["status", eb.fn.countAll<string>().as("count")] as const)
    .where("replay_id", "=", id)
    .groupBy("status")
    .execute();
  return new Map(rows.map(({ status, count }) => [status, Number(count)]));
}

/** Cancels a replay that has not sent all, and gives the originals of the rest back to be replayed again. */
export async function cancelReplayed(
  session: EndingSession & { db: Tx; now: Date },
  { scope_id, id }: ReplayRow,
): Promise<void> {
  const { db: tx, now } = session;
  // Locked, and canceled first: from then on no worker starts any of it.
  await tx.selectFrom("replays").select("id").where("id", "=", id).forUpdate().execute();
  const ended = await endWaitingOf(session, { scope_id, kind: "replay", id, reason: "replay_canceled" });
  // One that was over already stays completed.
  if (!ended) return;
  await tx
    .updateTable("replays")
    .set({ canceled_at: now })
    .where("id", "=", id)
    .where("canceled_at", "is", null)
    .execute();
}

/** Deletes up to `limit` executions that match, oldest first, with their attempts. Leaves what somebody holds. */
export async function deleteDeadLetters(
  tx: Tx,
  scopeId: number,
  { filter, limit }: { filter: DeadLetterFilter; limit: number },
): Promise<number> {
  const chosen = deadLetters(tx, scopeId, filter)
    .select("executions.id")
    .orderBy("executions.id")
    .limit(limit)
    .forUpdate("executions")
    .skipLocked();
  const { rows } = await sql`
    with chosen as (${chosen}), attempts as (
      delete from attempts a using chosen where a.execution_id = chosen.id
    ), told as (
      delete from deliveries d using chosen where d.execution_id = chosen.id
    )
    delete from executions e using chosen where e.id = chosen.id returning e.id`.execute(tx);
  return rows.length;
}
