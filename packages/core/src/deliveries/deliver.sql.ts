import type {
  AttemptErrorCode,
  ChannelType,
  DeliveryKind,
  DeliveryStatus,
  JobState,
  RuleEvent,
} from "@org/scheduler-contract";
import type { About } from "../database/tables.ts";
import { effective } from "../queues/effective.ts";
import { type Session, statement } from "../database/statement.ts";
import type { AttemptRow, ExecutionRow } from "../executions/executions.sql.ts";
import { clock, executionsOfIds, revisionOf, stamped } from "../executions/life.sql.ts";
import { hostOf, receiverOf } from "../executions/callbacks.sql.ts";
import type { DueDelivery } from "../rules/tell.ts";

/** A finished execution with what a callback tells about its job. */
export type ToldExecution = ExecutionRow & {
  job_name: string;
  job_metadata: Record<string, string>;
  job_state: JobState;
  job_next_run_at: Date | null;
  job_timezone: string;
};

/** What is told, to whom, and when that was looked up. */
export interface Told {
  clock: number;
  toldAt: number;
  id: string;
  scope_id: number;
  kind: DeliveryKind;
  event: RuleEvent | null;
  about: About | null;
  gathers: string | null;
  execution_id: string | null;
  job_id: string | null;
  url: string | null;
  /** Of whom it is known whether they answer: a receiver's host, or a channel. */
  host: string;
  created_at: Date;
  due_at: Date;
  signing_version: number;
  /** Where it goes, unless that is a URL; its fields are null once it is deleted. */
  channel_id: string | null;
  channel_name: string | null;
  type: ChannelType | null;
  sealed: Buffer | null;
  muted_until: Date | null;
  disabled_at: Date | null;
}

const pending = statement<{ ids: string[] }, Omit<Told, "toldAt">>(
  "pending_deliveries",
  `select ${clock}, d.id, d.scope_id, d.kind, d.event, d.about, d.gathers, d.execution_id, d.job_id, d.url,
    ${hostOf("d")} as host, d.created_at, d.due_at, c.signing_version, d.channel_id, h.name as channel_name, h.type, h.sealed,
    h.muted_until, h.disabled_at
  from deliveries d join scopes c on c.id = d.scope_id left join channels h on h.id = d.channel_id
  where d.id = any(:ids::uuid[]) and d.status = 'pending'`,
);

const close = statement<{ ids: string[] }, { id: string }>(
  "close_gathered",
  `with gathering as (
    select id from deliveries
    where id = any(:ids::uuid[]) and gathers is not null and not is_closed and due_at <= :now + interval '1 second'
    -- In the order in which they are locked by whoever gathers.
    order by channel_id, gathers for update
  )
  update deliveries set is_closed = true where id = any(array(select id from gathering))`,
);

/** Deliveries that are still to be made, by their ids. Nothing more is gathered in them. */
export async function findPending(session: Session, ids: string[]): Promise<Map<string, Told>> {
  if (ids.length > 0) await close(session, { ids });
  const rows = ids.length === 0 ? [] : stamped(await pending(session, { ids }));
  return new Map(rows.map((row) => [row.id, row]));
}

const told = statement<{ ids: string[] }, ToldExecution>(
  "told_executions",
  `select e.*, j.name as job_name, j.metadata as job_metadata, j.state as job_state, j.next_run_at as job_next_run_at,
    j.timezone as job_timezone,
    ((${effective("retry", { revision: "r", queue: "q" })}) ->> 'max_attempts')::integer as max_attempts
  from ${executionsOfIds} e
  cross join ${revisionOf("e")} r
  cross join lateral (select name, metadata, state, next_run_at, timezone from jobs where id = e.job_id offset 0) j
  left join queues q on q.scope_id = e.scope_id and q.name = e.queue`,
);

const lastAttempts = statement<{ ids: string[] }, AttemptRow>(
  "last_attempts",
  `select a.*, r.method, r.url
  from ${executionsOfIds} e
  cross join ${revisionOf("e")} r
  cross join lateral (select * from attempts where execution_id = e.id order by number desc limit 1) a`,
);

/** What there is to tell about an execution. */
export interface AboutExecution {
  execution: ToldExecution;
  attempt: AttemptRow | undefined;
}

/** What there is to tell about executions, by their ids. */
export async function findTold(session: Session, ids: string[]): Promise<Map<string, AboutExecution>> {
  if (ids.length === 0) return new Map();
  const executions = await told(session, { ids });
  const attempts = new Map(
    (await lastAttempts(session, { ids })).map((attempt) => [attempt.execution_id, attempt]),
  );
  return new Map(
    executions.map((execution) => [execution.id, { execution, attempt: attempts.get(execution.id) }]),
  );
}

/** What came of an attempt at a delivery. */
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
  /** The first of what a channel's service answered. */
  answer?: string | null;
  /** Why its channel is to be sent nothing more. */
  gone?: { id: string; reason: string };
}

interface OutcomeValues {
  ids: string[];
  numbers: number[];
  counted: number[];
  statuses: string[];
  retry_ms: (number | null)[];
  status_codes: (number | null)[];
  error_codes: (string | null)[];
  errors: (string | null)[];
  answers: (string | null)[];
}

const settle = statement<OutcomeValues, { id: string; due_at: Date | null }>(
  "settle_deliveries",
  `update deliveries d
  set status = i.status, status_code = i.status_code, error_code = i.error_code, error = i.error, answer = i.answer,
    attempt_count = i.counted, due_at = :now + i.retry_ms * interval '1 millisecond',
    finished_at = case when i.status <> 'pending' then :now end
  from unnest(:ids::uuid[], :numbers::integer[], :counted::integer[], :statuses::text[], :retry_ms::double precision[],
    :status_codes::integer[], :error_codes::text[], :errors::text[],
    :answers::text[])
    as i(id, number, counted, status, retry_ms, status_code, error_code, error, answer)
  where d.id = i.id and d.id = any(:ids::uuid[]) and d.status = 'pending' and d.attempt_count < i.number
  returning d.id, d.due_at`,
);

/**
 * Records outcomes; answers until when those wait that are to be tried again. Once a later attempt has its outcome on
 * record, that of an earlier one says nothing more.
 */
export async function settleDeliveries(
  session: Session,
  outcomes: DeliveryOutcome[],
): Promise<Map<string, Date | null>> {
  const rows = await settle(session, {
    ids: outcomes.map(({ id }) => id),
    numbers: outcomes.map(({ number }) => number),
    counted: outcomes.map(({ number, held_back: heldBack }) => (heldBack ? number - 1 : number)),
    statuses: outcomes.map(({ status }) => status),
    retry_ms: outcomes.map((outcome) => outcome.retry_ms),
    status_codes: outcomes.map((outcome) => outcome.status_code),
    error_codes: outcomes.map((outcome) => outcome.error_code),
    errors: outcomes.map(({ error }) => error),
    answers: outcomes.map(({ answer }) => answer ?? null),
  });
  return new Map(rows.map(({ id, due_at }) => [id, due_at]));
}

const lose = statement<{ ids: string[] }, { id: string }>(
  "lose_deliveries",
  `update deliveries
  set status = 'failed', due_at = null, finished_at = :now, error_code = 'worker_lost',
    error = 'Each worker that sent this was lost before it heard an answer.'
  where id = any(:ids::uuid[]) and status = 'pending'`,
);

/** Records deliveries as failed whose every attempt was lost with its worker. */
export async function loseDeliveries(session: Session, ids: string[]): Promise<void> {
  if (ids.length > 0) await lose(session, { ids });
}

const anyPending = statement<object, { any: boolean }>(
  "any_pending",
  "select exists (select from deliveries where due_at is not null) as any",
);

/** Whether any delivery is still to be made. */
export async function hasPending(session: Session): Promise<boolean> {
  return (await anyPending(session, {}))[0]!.any;
}

/** A delivery that has been due for a while. */
type Stray = Required<DueDelivery>;

const stray = statement<{ due_at: Date; id: string; limit: number }, Stray>(
  "stray_deliveries",
  `select d.id, d.scope_id, ${receiverOf("d")} as share, d.attempt_count as made, d.due_at as "dueAt"
  from deliveries d
  where (d.due_at, d.id) > (:due_at::timestamptz, :id::uuid) and d.due_at < :now - interval '1 minute'
  order by d.due_at, d.id limit :limit::integer`,
);

/** Deliveries that have been due for a minute, those first that are due for longest, after one of them. */
export function findStray(
  session: Session,
  { after, limit }: { after: Pick<Stray, "dueAt" | "id">; limit: number },
): Promise<Stray[]> {
  return stray(session, { due_at: after.dueAt, id: after.id, limit });
}
