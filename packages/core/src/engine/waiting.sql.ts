import { type Session, statement } from "../database/statement.ts";
import { endOf, type EndReason, isInLine, revisionOf, thereIs } from "../executions/life.sql.ts";
import { shareInSql } from "../sending/destination.ts";

/** An execution whose `due_at` has come: a retry, a delayed or a manual run, a replay, a slot that found no room. */
export interface WaitingExecution {
  scope_id: number;
  id: string;
  host: string;
  due_at: Date;
  /** It goes into the line of its queue instead of starting. */
  lines_up: boolean;
  /** Why it is to end instead; null where it starts or goes into a line. */
  ends: EndReason | null;
}

/** Which executions are claimed first where more are due than can start. */
export type Order = "freshest" | "oldest";

const claim = (order: Order) =>
  statement<{ lead_ms: number; limit: number; full: string[] }, WaitingExecution>(
    `waiting_${order}`,
    `select e.scope_id, e.id, r.host, e.due_at, ${endOf("e")} as ends, ${isInLine("e")} as lines_up
  from executions e cross join ${revisionOf("e")} r
  where e.due_at <= :now + :lead_ms::integer * interval '1 millisecond'
    and ${shareInSql("e", "r.host")} <> all(:full::text[])
    and (e.expires_at <= :now or not e.queued or not ${thereIs(`from open_executions o
      where o.guards_job_id = e.job_id and o.id <> e.id
        and (o.id < e.id or not (select queued from executions where id = o.id))`)})
  order by e.due_at ${order === "freshest" ? "desc" : "asc"} limit :limit::integer
  for update of e skip locked`,
  );

const claims = { freshest: claim("freshest"), oldest: claim("oldest") };

/** Claims executions whose `due_at` has come, none of them of a share in `full`. */
export function claimWaiting(
  session: Session,
  { limit, leadMs, full, order }: { limit: number; leadMs: number; full: string[]; order: Order },
): Promise<WaitingExecution[]> {
  return claims[order](session, { lead_ms: leadMs, limit, full });
}

const canceled = statement<{ ids: string[] }, { id: string }>(
  "canceled",
  `select id from executions where id = any(:ids::uuid[]) and cancel_requested_at is not null`,
);

/** Which of the executions under way somebody wants to end. */
export async function findCanceled(session: Session, ids: string[]): Promise<string[]> {
  return ids.length === 0 ? [] : (await canceled(session, { ids })).map(({ id }) => id);
}
