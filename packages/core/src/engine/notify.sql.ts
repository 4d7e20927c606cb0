import type { AttemptErrorCode, DeliveryStatus } from "@org/scheduler-contract";
import { effective } from "../database/effective.ts";
import { type Session, statement } from "../database/statement.ts";
import type { AttemptRow, ExecutionRow } from "../executions/executions.sql.ts";
import { shareInSql } from "./shares.ts";
import { clock, revisionOf, stamped } from "../executions/life.sql.ts";

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

/** Of whose share of the places a delivery `d` is sent. */
const host = "split_part(d.url, '/', 3)";
const share = shareInSql("d", host);

interface ClaimValues {
  room: number;
  lease_ms: number;
  shares: string;
  per_host: number;
  scopes: string;
  per_scope: number;
}

const claim = statement<ClaimValues, Omit<ClaimedDelivery, "toldAt">>(
  "claim_deliveries",
  `with shares as (
    select * from json_to_recordset(:shares::json) as x(share text, "left" integer)
  ), scopes_left as (
    select * from json_to_recordset(:scopes::json) as x(scope_id integer, "left" integer)
  ), due as (
    select d.id, d.scope_id, d.due_at, ${host} as host from deliveries d
    where d.due_at <= :now
      and ${share} <> all(array(select share from shares where "left" <= 0))
      and d.scope_id <> all(array(select scope_id from scopes_left where "left" <= 0))
    order by d.due_at limit :room::integer
    for update skip locked
  ), ranked as (
    select due.*, row_number() over (partition by scope_id, host order by due_at) as place,
      row_number() over (partition by scope_id order by due_at) as place_in_scope
    from due
  )
  update deliveries d
  set attempt_count = d.attempt_count + 1,
    due_at = :now + :lease_ms::integer * interval '1 millisecond'
  from ranked
  left join shares on shares.share = ${shareInSql("ranked")}
  left join scopes_left on scopes_left.scope_id = ranked.scope_id
  where d.id = ranked.id and ranked.place <= coalesce(shares."left", :per_host::integer)
    and ranked.place_in_scope <= coalesce(scopes_left."left", :per_scope::integer)
  returning ${clock}, d.id, d.scope_id, d.execution_id, d.job_id, d.url, ranked.host, d.attempt_count, d.created_at,
    (select signing_version from scopes where id = d.scope_id) as signing_version`,
);

export interface DeliveryLimits {
  room: number;
  /** How many of them may go to one host of a scope, and how many may be of one scope, where nothing else is said. */
  perHost: number;
  perScope: number;
  /** How many more may be of shares and scopes that some are under way of. */
  shares: { share: string; left: number }[];
  scopes: { scope_id: number; left: number }[];
  /** After this long without an outcome, the worker is taken for dead and the delivery is due again. */
  leaseMs: number;
}

/** Claims deliveries that are due, the oldest first. */
export async function claimDeliveries(
  session: Session,
  { room, leaseMs, perHost, perScope, shares, scopes }: DeliveryLimits,
): Promise<ClaimedDelivery[]> {
  const values = {
    room,
    lease_ms: leaseMs,
    per_host: perHost,
    per_scope: perScope,
    shares: JSON.stringify(shares),
    scopes: JSON.stringify(scopes),
  };
  return stamped(await claim(session, values));
}

const putOff = statement<{ circuits: string; limit: number }, { id: string }>(
  "put_off_deliveries",
  `with held as (
    select d.id, x.probe_at
    from deliveries d
    join json_to_recordset(:circuits::json) as x(share text, probe_at timestamptz)
      on x.share = ${share} and x.probe_at > :now
    where d.due_at <= :now
    order by d.due_at limit :limit::integer
    for update of d skip locked
  )
  update deliveries d set due_at = held.probe_at from held where d.id = held.id
  returning d.id`,
);

/**
 * Lets deliveries to receivers that do not answer be due at their next probe, up to `limit`: what is due behind them is
 * not to be looked for past a long line of them. Answers how many.
 */
export async function putOffDeliveries(
  session: Session,
  circuits: { share: string; probe_at: Date }[],
  limit: number,
): Promise<number> {
  return (await putOff(session, { circuits: JSON.stringify(circuits), limit })).length;
}

/** A finished execution with what a callback tells about its job. */
export type ToldExecution = ExecutionRow & { job_name: string; job_metadata: Record<string, string> };

const told = statement<{ ids: string[] }, ToldExecution>(
  "told_executions",
  `select e.*, j.name as job_name, j.metadata as job_metadata,
    ((${effective("retry", { revision: "r", queue: "q" })}) ->> 'max_attempts')::integer as max_attempts
  from executions e
  cross join ${revisionOf("e")} r
  cross join lateral (select name, metadata from jobs where id = e.job_id offset 0) j
  left join queues q on q.scope_id = e.scope_id and q.name = e.queue
  where e.id = any(:ids::uuid[])`,
);

const lastAttempts = statement<{ ids: string[] }, AttemptRow>(
  "last_attempts",
  `select distinct on (execution_id) * from attempts
  where execution_id = any(:ids::uuid[]) order by execution_id, number desc`,
);

/** What is told about executions, by their ids. */
export async function findTold(
  session: Session,
  ids: string[],
): Promise<Map<string, { execution: ToldExecution; attempt: AttemptRow | undefined }>> {
  const executions = await told(session, { ids });
  const attempts = new Map(
    (await lastAttempts(session, { ids })).map((attempt) => [attempt.execution_id, attempt]),
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
  /** It was not sent, and no attempt is counted. */
  held_back?: true;
  status_code: number | null;
  error_code: AttemptErrorCode | null;
  error: string | null;
}

const settle = statement<{ outcomes: string }, { id: string }>(
  "settle_deliveries",
  `update deliveries d
  set status = i.status, status_code = i.status_code, error_code = i.error_code, error = i.error,
    attempt_count = d.attempt_count - coalesce(i.held_back, false)::integer,
    due_at = :now + i.retry_ms * interval '1 millisecond',
    finished_at = case when i.status <> 'pending' then :now end
  from json_to_recordset(:outcomes::json) as i(id uuid, number integer, status text, retry_ms double precision,
    held_back boolean, status_code integer, error_code text, error text)
  where d.id = i.id and d.status = 'pending' and d.attempt_count = i.number`,
);

/** Writes outcomes. What another worker has taken over since, its lease being over, is left as it is. */
export async function settleDeliveries(session: Session, outcomes: DeliveryOutcome[]): Promise<void> {
  await settle(session, { outcomes: JSON.stringify(outcomes) });
}
