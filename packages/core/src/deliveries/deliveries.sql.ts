import { type Selectable, type SelectQueryBuilder, sql } from "kysely";
import type { DeliveryKind, DeliveryStatus } from "@org/scheduler-contract";
import { ofJobs, type Reach } from "../access/reach.sql.ts";
import type { Db, Deliveries, Tables, Tx } from "../database/tables.ts";
import { receiverOf } from "../executions/callbacks.sql.ts";

export type DeliveryRow = Selectable<Deliveries>;

export interface DeliveryFilter {
  status?: DeliveryStatus | undefined;
  kind?: DeliveryKind | undefined;
  channelId?: string | undefined;
  executionId?: string | undefined;
  jobId?: string | undefined;
  beforeId?: string | undefined;
}

/** One page of deliveries, newest first, with one row more than `limit` where there is a next page. */
export function listDeliveries(
  db: Db,
  reach: Reach,
  { filter, limit }: { filter: DeliveryFilter; limit: number },
): Promise<DeliveryRow[]> {
  let query = within(reach, db.selectFrom("deliveries").selectAll())
    .orderBy("id", "desc")
    .limit(limit + 1);
  if (filter.status !== undefined) query = query.where("status", "=", filter.status);
  if (filter.kind !== undefined) query = query.where("kind", "=", filter.kind);
  if (filter.channelId !== undefined) query = query.where("channel_id", "=", filter.channelId);
  if (filter.executionId !== undefined) query = query.where("execution_id", "=", filter.executionId);
  if (filter.jobId !== undefined) query = query.where("job_id", "=", filter.jobId);
  if (filter.beforeId !== undefined) query = query.where("id", "<", filter.beforeId);
  return query.execute();
}

/** Whether there is, or was while something was sent to it, a channel of this id. */
export async function knowsChannel(db: Db, scopeId: number, id: string): Promise<boolean> {
  const of = (query: "channels" | "deliveries", column: "id" | "channel_id") =>
    sql`select from ${sql.table(query)} where scope_id = ${scopeId} and ${sql.ref(column)} = ${id}::uuid`;
  const { rows } = await sql<{ known: boolean }>`
    select exists (${of("channels", "id")}) or exists (${of("deliveries", "channel_id")}) as known`.execute(
    db,
  );
  return rows[0]!.known;
}

export function findDelivery(tx: Db | Tx, reach: Reach, id: string): Promise<DeliveryRow | undefined> {
  return within(reach, tx.selectFrom("deliveries").selectAll()).where("id", "=", id).executeTakeFirst();
}

/** Deliveries of jobs that are within reach. */
function within(
  reach: Reach,
  query: SelectQueryBuilder<Tables, "deliveries", DeliveryRow>,
): SelectQueryBuilder<Tables, "deliveries", DeliveryRow> {
  const ofJob = ofJobs(reach, sql.ref("deliveries.job_id"));
  const scoped = query.where("scope_id", "=", reach.scopeId);
  return ofJob ? scoped.where(ofJob) : scoped;
}

/** Makes a failed delivery due again. Answers what it is now, with its receiver; undefined where it had not failed. */
export function retryFailed(
  tx: Tx,
  id: string,
  now: Date,
): Promise<(DeliveryRow & { share: string }) | undefined> {
  return tx
    .updateTable("deliveries")
    .set({ status: "pending", due_at: now, finished_at: null, attempt_count: 0 })
    .where("id", "=", id)
    .where("status", "=", "failed")
    .returningAll()
    .returning(sql<string>`${sql.raw(receiverOf("deliveries"))}`.as("share"))
    .executeTakeFirst();
}
