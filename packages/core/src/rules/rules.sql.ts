import { type Insertable, type Selectable, sql } from "kysely";
import type { ExecutionStatus, RuleEvent, Trigger } from "@org/scheduler-contract";
import { type Session, statement } from "../database/statement.ts";
import { ofJobs, type Reach } from "../access/reach.sql.ts";
import type { Db, Rules, Tx } from "../database/tables.ts";

export type RuleRow = Selectable<Rules>;
/** A rule with the name of its channel. */
export type ListedRule = RuleRow & { channel_name: string };

interface RulePage {
  /** Only those that hold for a job, which is in this queue. */
  job: { id: string; queue: string } | undefined;
  before: string | undefined;
  limit: number;
}

/** A scope's rules, newest first, with one row more than `limit` where there are more. */
export function listRules(db: Db, reach: Reach, { job, before, limit }: RulePage): Promise<ListedRule[]> {
  const ofJob = ofJobs(reach, sql.ref("rules.job_id"));
  let query = db
    .selectFrom("rules")
    .innerJoin("channels", "channels.id", "rules.channel_id")
    .selectAll("rules")
    .select("channels.name as channel_name")
    .where("rules.scope_id", "=", reach.scopeId)
    // What holds for all jobs holds for those of everybody.
    .$if(ofJob !== undefined, (all) => all.where((eb) => eb.or([eb("rules.job_id", "is", null), ofJob!])))
    .orderBy("rules.id", "desc")
    .limit(limit + 1);
  if (before !== undefined) query = query.where("rules.id", "<", before);
  if (job !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb("rules.job_id", "=", job.id),
        eb.and([
          eb("rules.job_id", "is", null),
          eb.or([eb("rules.queue", "is", null), eb("rules.queue", "=", job.queue)]),
        ]),
      ]),
    );
  }
  return query.execute();
}

/** A rule that says the same. */
export function findSame(tx: Tx, row: Omit<Insertable<Rules>, "id" | "created_by" | "created_at">) {
  return sql<ListedRule>`
    select r.*, c.name as channel_name from rules r join channels c on c.id = r.channel_id
    where r.scope_id = ${row.scope_id} and r.channel_id = ${row.channel_id}::uuid and r.event = ${row.event}
      and r.job_id is not distinct from ${row.job_id}::uuid and r.queue is not distinct from ${row.queue}::text
      and r.threshold is not distinct from ${row.threshold}::integer
      and r.seconds is not distinct from ${row.seconds}::double precision
      and r.times is not distinct from ${row.times}::double precision`.execute(tx);
}

/** How many rules are for the same as `row`: its job, its queue, or all. */
export async function countBeside(
  tx: Tx,
  row: Pick<RuleRow, "scope_id" | "job_id" | "queue">,
): Promise<number> {
  const of =
    row.job_id === null
      ? sql`job_id is null and queue is not distinct from ${row.queue}::text`
      : sql`job_id = ${row.job_id}::uuid`;
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from rules where scope_id = ${row.scope_id} and ${of}`.execute(tx);
  return rows[0]!.count;
}

export async function insertRule(tx: Tx, row: RuleRow): Promise<void> {
  await tx.insertInto("rules").values(row).execute();
}

/** From now on, the ends of the scope's executions are looked at. */
export async function noteRules(tx: Tx, scopeId: number): Promise<void> {
  await tx
    .updateTable("scopes")
    .set({ has_rules: true })
    .where("id", "=", scopeId)
    .where("has_rules", "=", false)
    .execute();
}

/** Answers whether there was one; `jobId` says whose own it has to be. */
export async function deleteRule(
  tx: Tx,
  reach: Reach,
  { id, jobId }: { id: string; jobId: string | undefined },
): Promise<boolean> {
  let query = tx.deleteFrom("rules").where("scope_id", "=", reach.scopeId).where("id", "=", id);
  const ofJob = ofJobs(reach, sql.ref("rules.job_id"));
  if (ofJob) query = query.where(ofJob);
  if (jobId !== undefined) query = query.where("job_id", "=", jobId);
  return (await query.executeTakeFirstOrThrow()).numDeletedRows === 1n;
}

export async function deleteRulesOf(tx: Tx, jobId: string): Promise<void> {
  await tx.deleteFrom("rules").where("job_id", "=", jobId).execute();
}

/** The rules `r` that hold for what an alias stands for, which has a scope, a queue and a job. */
const holding = (alias: string): string => `(
      select * from rules where job_id = ${alias}.job_id
      union all
      select * from rules where scope_id = ${alias}.scope_id and job_id is null
        and (queue is null or queue = ${alias}.queue)
    )`;

/**
 * Whether a rule may tell of the end of an execution `e`, which has a column more: whether any of its job `fails` in the
 * same statement. Where one does, all of them are looked at, in their order: they say how many failed in a row. A queue
 * counts the failures of jobs that run once, and hears of all of them. `alerted` is a query for the jobs that were alerted
 * of before.
 */
export const mayBeTold = (e: string, { alerted }: { alerted: string }): string => {
  const tells = `case r.event
      when 'on_completion' then true
      when 'on_overrun' then true
      when 'on_missed' then false
      when 'on_success' then ${e}.status = 'succeeded'
      when 'on_failure' then ${e}.fails
      when 'on_recovery' then ${e}.fails or r.queue is not null or ${e}.job_id in (${alerted})
      else ${e}.fails or r.queue is not null end`;
  return `((select true from rules r where r.job_id = ${e}.job_id and ${tells} limit 1) is not null
    or (select true from rules r where r.scope_id = ${e}.scope_id and r.job_id is null
      and (r.queue is null or r.queue = ${e}.queue) and ${tells} limit 1) is not null)`;
};

/** Whether a rule alerts of a job `j` that failed `failures` times in a row. */
export const hasAlert = (j: string, failures: string): string => {
  const reached = `r.event = 'on_alert' and coalesce(r.threshold, ${j}.alert_threshold, 1) <= ${failures}`;
  return `(${j}.alert_threshold <= ${failures}
      or (select true from rules r where r.job_id = ${j}.id and ${reached} limit 1) is not null
      or (select true from rules r where r.scope_id = ${j}.scope_id and r.job_id is null
        and (r.queue is null or r.queue = ${j}.queue) and ${reached} limit 1) is not null)`;
};

/** An execution and a rule that holds for it. */
export interface Held {
  id: string;
  scope_id: number;
  job_id: string;
  job_name: string;
  queue: string;
  status: ExecutionStatus;
  trigger: Trigger;
  finished_at: Date | null;
  took_ms: number | null;
  /** The channels that were told while it ran that it takes too long. */
  overrun_told: string[] | null;
  failures_before: number;
  was_alerted: boolean;
  failing_since: Date | null;
  alert_threshold: number | null;
  usual_ms: number | null;
  job_muted_until: Date | null;
  queue_muted_until: Date | null;
  /** The job runs more than once. */
  repeats: boolean;
  /** The rule is of the queue. */
  is_of_queue: boolean;
  channel_id: string;
  event: RuleEvent;
  threshold: number | null;
  seconds: number | null;
  times: number | null;
}

/** What is known of the job `j` of an execution, and of a rule `r`. */
const ofJob = (
  usual: string,
): string => `j.name as job_name, j.failures_before, j.was_alerted, j.failing_since, j.alert_threshold, ${usual} as usual_ms,
    j.muted_until as job_muted_until, q.muted_until as queue_muted_until,
    j.repeats, r.queue is not null as is_of_queue, r.channel_id, r.event, r.threshold, r.seconds, r.times`;

const rulesOf = statement<{ ids: string[] }, Held>(
  "rules_of_executions",
  `select e.id, e.scope_id, e.job_id, e.queue, e.status, e.trigger, e.finished_at, e.overrun_told, a.latency_ms as took_ms, ${ofJob("j.usual_before")}
  from unnest(:ids::uuid[]) given(id)
  cross join lateral (select * from executions where id = given.id offset 0) e
  cross join lateral (select * from jobs where id = e.job_id offset 0) j
  left join queues q on q.scope_id = e.scope_id and q.name = e.queue
  left join lateral (
    select latency_ms from attempts where execution_id = e.id order by number desc limit 1
  ) a on true
  cross join lateral ${holding("e")} r`,
);

/** The rules that hold for executions, and what they need to know of those. */
export function findRules(session: Session, ids: string[]): Promise<Held[]> {
  return rulesOf(session, { ids });
}

/** What a queue knows of failures in a row. */
export interface QueueHealth {
  scope_id: number;
  queue: string;
  failures: number;
  failing_since: Date | null;
  is_alerted: boolean;
}

const lockHealth = statement<{ scope_ids: number[]; queues: string[] }, QueueHealth>(
  "lock_queue_alerts",
  `with input as (
    select * from unnest(:scope_ids::integer[], :queues::text[]) as i(scope_id, queue)
  )
  insert into queue_alerts as a (scope_id, queue)
  select scope_id, queue from input order by scope_id, queue
  -- Locks the row and answers it as it is once nobody else has it.
  on conflict (scope_id, queue) do update set failures = a.failures
  returning a.scope_id, a.queue, a.failures, a.failing_since, a.is_alerted`,
);

/** Locks what queues know of failures in a row; each queue is named once. */
export function lockQueueHealth(
  session: Session,
  queues: Pick<QueueHealth, "scope_id" | "queue">[],
): Promise<QueueHealth[]> {
  return lockHealth(session, {
    scope_ids: queues.map((one) => one.scope_id),
    queues: queues.map(({ queue }) => queue),
  });
}

const noteHealth = statement<
  {
    scope_ids: number[];
    queues: string[];
    failures: number[];
    since: (string | null)[];
    alerted: boolean[];
  },
  { queue: string }
>(
  "note_queue_alerts",
  `update queue_alerts a
  set failures = i.failures, failing_since = i.failing_since, is_alerted = i.is_alerted
  from unnest(:scope_ids::integer[], :queues::text[], :failures::integer[], :since::timestamptz[], :alerted::boolean[])
    as i(scope_id, queue, failures, failing_since, is_alerted)
  where a.scope_id = i.scope_id and a.queue = i.queue`,
);

export async function noteQueueHealth(session: Session, of: QueueHealth[]): Promise<void> {
  await noteHealth(session, {
    scope_ids: of.map((one) => one.scope_id),
    queues: of.map(({ queue }) => queue),
    failures: of.map(({ failures }) => failures),
    since: of.map((one) => one.failing_since?.toISOString() ?? null),
    alerted: of.map((one) => one.is_alerted),
  });
}

const overrunning = statement<{ ids: string[] }, Held>(
  "overrunning",
  `select e.id, e.scope_id, e.job_id, e.queue, e.status, e.trigger, e.finished_at, e.overrun_told, e.took_ms, ${ofJob("j.usual_ms")}
  from unnest(:ids::uuid[]) given(id)
  cross join lateral (
    select *, (extract(epoch from :now - running_since) * 1000)::double precision as took_ms
    from executions where id = given.id and status = 'running' offset 0
  ) e
  cross join lateral (select * from jobs where id = e.job_id offset 0) j
  left join queues q on q.scope_id = e.scope_id and q.name = e.queue
  cross join lateral ${holding("e")} r
  where (select true from rules where event = 'on_overrun' limit 1) is not null and r.event = 'on_overrun'
    and r.channel_id <> all(coalesce(e.overrun_told, '{}'))`,
);

/** Executions of `ids` that still run, with the rules that may tell of how long, where nobody has been told yet. */
export function findRunning(session: Session, ids: string[]): Promise<Held[]> {
  return overrunning(session, { ids });
}

const noteOverrun = statement<{ ids: string[]; channels: string[] }, { id: string }>(
  "note_overruns",
  `update executions e
  set overrun_told = coalesce(e.overrun_told, '{}') || i.channels
  from (
    select id, array_agg(channel_id) as channels from unnest(:ids::uuid[], :channels::uuid[]) as u(id, channel_id) group by id
  ) i
  where e.id = i.id and e.id = any(:ids::uuid[]) and e.status = 'running'`,
);

/** Keeps in mind which channels have been told that an execution takes too long, whatever became of the message. */
export async function noteOverruns(
  session: Session,
  told: { executionId: string; channelId: string }[],
): Promise<void> {
  if (told.length === 0) return;
  await noteOverrun(session, {
    ids: told.map(({ executionId }) => executionId),
    channels: told.map(({ channelId }) => channelId),
  });
}
