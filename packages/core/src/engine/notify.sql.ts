import type { AttemptErrorCode, DeliveryStatus } from "@org/scheduler-contract";
import { effective } from "../database/effective.ts";
import { statement } from "../database/statement.ts";
import type { Db } from "../database/tables.ts";
import type { AttemptRow, ExecutionRow } from "../executions/executions.sql.ts";
import { clock, stamped } from "./start.sql.ts";

/** A delivery that this worker holds until its lease is over. */
export interface ClaimedDelivery {
  clock: number;
  toldAt: number;
  id: string;
  scope_id: number;
  execution_id: string;
  job_id: string;
  url: string;
  host: string;
  attempt_count: number;
  created_at: Date;
  signing_version: number;
}

const claim = statement<Omit<ClaimedDelivery, "toldAt">>(
  "claim_deliveries",
  `with due as (
    select id, due_at, split_part(url, '/', 3) as host from scheduler.deliveries
    where due_at <= coalesce($1::timestamptz, now()) and split_part(url, '/', 3) <> all($4::text[])
    order by due_at limit $2::integer
    for update skip locked
  ), ranked as (
    select id, host, row_number() over (partition by host order by due_at) as place from due
  )
  update scheduler.deliveries d
  set attempt_count = d.attempt_count + 1,
    due_at = coalesce($1::timestamptz, now()) + $3::integer * interval '1 millisecond'
  from ranked
  where d.id = ranked.id and ranked.place <= $5::integer
  returning ${clock}, d.id, d.scope_id, d.execution_id, d.job_id, d.url, ranked.host, d.attempt_count, d.created_at,
    (select signing_version from scheduler.scopes where id = d.scope_id) as signing_version`,
);

export interface DeliveryLimits {
  room: number;
  /** How many of them may go to one host. */
  perHost: number;
  /** Hosts that no more are to go to at the moment. */
  fullHosts: string[];
  /** After this long without an outcome, the worker is taken for dead and the delivery is due again. */
  leaseMs: number;
}

/** Claims deliveries that are due, the oldest first. */
export async function claimDeliveries(
  db: Db,
  { room, leaseMs, fullHosts, perHost }: DeliveryLimits,
  at: Date | null,
): Promise<ClaimedDelivery[]> {
  return stamped(await claim(db, [at, room, leaseMs, fullHosts, perHost]));
}

/** A finished execution with what a callback tells about its job. */
export type ToldExecution = ExecutionRow & { job_name: string; job_metadata: Record<string, string> };

const told = statement<ToldExecution>(
  "told_executions",
  `select e.*, j.name as job_name, j.metadata as job_metadata,
    ((${effective("retry", { revision: "r", queue: "q" })}) ->> 'max_attempts')::integer as max_attempts
  from scheduler.executions e
  join scheduler.revisions r on r.id = e.revision_id
  join scheduler.jobs j on j.id = e.job_id
  left join scheduler.queues q on q.scope_id = e.scope_id and q.name = e.queue
  where e.id = any($1::uuid[])`,
);

const lastAttempts = statement<AttemptRow>(
  "last_attempts",
  `select distinct on (execution_id) * from scheduler.attempts
  where execution_id = any($1::uuid[]) order by execution_id, number desc`,
);

/** What is told about executions, by their ids. */
export async function findTold(
  db: Db,
  executionIds: string[],
): Promise<Map<string, { execution: ToldExecution; attempt: AttemptRow | undefined }>> {
  const executions = await told(db, [executionIds]);
  const attempts = new Map(
    (await lastAttempts(db, [executionIds])).map((attempt) => [attempt.execution_id, attempt]),
  );
  return new Map(
    executions.map((execution) => [execution.id, { execution, attempt: attempts.get(execution.id) }]),
  );
}

export interface DeliveryOutcome {
  id: string;
  /** Which attempt this came of. */
  number: number;
  status: DeliveryStatus;
  /** Until the next attempt; null when there is none. */
  retry_ms: number | null;
  status_code: number | null;
  error_code: AttemptErrorCode | null;
  error: string | null;
}

const settle = statement<{ id: string }>(
  "settle_deliveries",
  `update scheduler.deliveries d
  set status = i.status, status_code = i.status_code, error_code = i.error_code, error = i.error,
    due_at = coalesce($1::timestamptz, now()) + i.retry_ms * interval '1 millisecond',
    finished_at = case when i.status <> 'pending' then coalesce($1::timestamptz, now()) end
  from json_to_recordset($2::json) as i(id uuid, number integer, status text, retry_ms double precision,
    status_code integer, error_code text, error text)
  where d.id = i.id and d.status = 'pending' and d.attempt_count = i.number`,
);

/** Writes outcomes. What another worker has taken over since, its lease being over, is left as it is. */
export async function settleDeliveries(db: Db, outcomes: DeliveryOutcome[], at: Date | null): Promise<void> {
  await settle(db, [at, JSON.stringify(outcomes)]);
}
