import { type Expression, type ExpressionBuilder, type Selectable, sql, type SqlBool } from "kysely";
import {
  type AttemptErrorCode,
  type ExecutionStatus,
  mostCounted,
  type Trigger,
} from "@org/scheduler-contract";
import { ofJobs, type Reach } from "../access/reach.sql.ts";
import { effective } from "../queues/effective.ts";
import type { Attempts, Db, Executions, Revisions, Tables, Tx } from "../database/tables.ts";
import { firstIdAt } from "../ids.ts";
import { type Counts, countsOf } from "../counts.ts";

export type ExecutionRow = Selectable<Executions> & {
  max_attempts: number;
  job_name: string | null;
  job_depth: number | null;
};
/** With what its execution sends, before any redirect. */
export type AttemptRow = Selectable<Attempts> & Pick<Selectable<Revisions>, "method" | "url">;

export interface ExecutionFilter {
  /** Of these jobs alone. */
  reach?: Reach | undefined;
  jobId?: string | undefined;
  status?: ExecutionStatus | undefined;
  trigger?: Trigger | undefined;
  queue?: string | undefined;
  errorCode?: AttemptErrorCode | undefined;
  /** In the text of its error, whatever the case. */
  errorContains?: string | undefined;
  /** Of the URL that it was for. */
  host?: string | undefined;
  ids?: string[] | undefined;
  replayId?: string | undefined;
  /** Ids of this and later. */
  fromId?: string | undefined;
  /** Ids before this. */
  beforeId?: string | undefined;
}

function executions(db: Db | Tx, scopeId: number) {
  return db
    .selectFrom("executions")
    .innerJoin("revisions", (join) =>
      join
        .onRef("revisions.scope_id", "=", "executions.scope_id")
        .onRef("revisions.id", "=", "executions.revision_id"),
    )
    .leftJoin("queues", (join) =>
      join.onRef("queues.scope_id", "=", "executions.scope_id").onRef("queues.name", "=", "executions.queue"),
    )
    .leftJoin("jobs", "jobs.id", "executions.job_id")
    .where("executions.scope_id", "=", scopeId)
    .selectAll("executions")
    .select(["jobs.name as job_name", "jobs.depth as job_depth"])
    .select(sql<number>`(${sql.raw(retryPolicy)}->>'max_attempts')::integer`.as("max_attempts"));
}

const retryPolicy = `(${effective("retry", { revision: "revisions", queue: "queues" })})`;

/** How many executions are looked through for what no index knows. */
const mostLookedThrough = 10_000;

interface ExecutionPage {
  filter: ExecutionFilter;
  limit: number;
}

/**
 * One page of executions, newest first, with one row more than `limit` where there is a next page. What no index knows is
 * looked for among so many only: `lookedTo` is the last of them, where there are more.
 */
export async function listExecutions(
  db: Db,
  scopeId: number,
  { filter, limit }: ExecutionPage,
): Promise<{ rows: ExecutionRow[]; lookedTo?: string }> {
  const { errorContains, host, ...indexed } = filter;
  if ((errorContains === undefined && host === undefined) || isOpen(filter.status))
    return { rows: await pageOf(db, scopeId, { filter, limit }) };
  const last = await executions(db, scopeId)
    .where((eb) => matches(eb, indexed))
    .clearSelect()
    .select("executions.id")
    .orderBy("executions.id", "desc")
    .offset(mostLookedThrough - 1)
    .limit(1)
    .executeTakeFirst();
  if (!last) return { rows: await pageOf(db, scopeId, { filter, limit }) };
  const { id } = last;
  const near = filter.fromId !== undefined && filter.fromId > id ? filter.fromId : id;
  const rows = await pageOf(db, scopeId, { filter: { ...filter, fromId: near }, limit });
  return { rows, lookedTo: id };
}

/** How many executions a filter is for, by their status, counted up to a limit. */
export async function countExecutions(db: Db, scopeId: number, filter: ExecutionFilter): Promise<Counts> {
  const found = db
    .selectFrom("executions")
    .select("executions.status as is")
    .where("executions.scope_id", "=", scopeId)
    .where((eb) => matches(eb, filter))
    .limit(mostCounted + 1);
  return countsOf(
    await db
      .selectFrom(found.as("found"))
      .select(["is", (eb) => eb.fn.countAll<string>().as("count")])
      .groupBy("is")
      .execute(),
  );
}

function pageOf(db: Db, scopeId: number, { filter, limit }: ExecutionPage): Promise<ExecutionRow[]> {
  const { reach, jobId } = filter;
  if (reach?.isNarrow && jobId === undefined && !isOpen(filter.status))
    return pageOfFew(db, reach, { filter, limit });
  const query = executions(db, scopeId)
    .where((eb) => matches(eb, filter))
    .limit(limit + 1);
  if (!isOpen(filter.status)) return query.orderBy("executions.id", "desc").execute();
  // What is not over is walked through by its own index, past a history of any length; no index of it begins with the
  // scope, since each fire would pay for that.
  return query
    .innerJoin("open_executions as open", "open.id", "executions.id")
    .where("open.scope_id", "=", scopeId)
    .$if(filter.beforeId !== undefined, (open) => open.where("open.id", "<", filter.beforeId!))
    .orderBy("open.id", "desc")
    .execute();
}

/** The executions of a few jobs: each of them is asked for its newest, so that nobody walks through all other history. */
function pageOfFew(
  db: Db,
  { scopeId, jobs }: Reach,
  { filter, limit }: ExecutionPage,
): Promise<ExecutionRow[]> {
  const newest = db
    .selectFrom("jobs as few")
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom("executions")
          .select("executions.id")
          .whereRef("executions.job_id", "=", "few.id")
          .where((inner) => matches(inner, { ...filter, reach: undefined }))
          .orderBy("executions.id", "desc")
          .limit(limit + 1)
          .as("own"),
      (join) => join.onTrue(),
    )
    .select("own.id")
    .where("few.scope_id", "=", scopeId)
    .$if(jobs !== undefined, (query) => query.where(jobs!("few")))
    .orderBy("own.id", "desc")
    .limit(limit + 1);
  return executions(db, scopeId)
    .where("executions.id", "in", newest)
    .orderBy("executions.id", "desc")
    .execute();
}

function isOpen(status: ExecutionStatus | undefined): boolean {
  return status === "pending" || status === "running" || status === "retrying";
}

/** Whether an execution is one of those that a filter is for. */
export function matches(
  eb: ExpressionBuilder<Tables, "executions">,
  filter: ExecutionFilter,
): Expression<SqlBool> {
  const wanted: Expression<SqlBool>[] = [];
  if (filter.jobId !== undefined) wanted.push(eb("executions.job_id", "=", filter.jobId));
  // Whoever may see a job may see all of its executions.
  else if (filter.reach) {
    const within = ofJobs(filter.reach, sql.ref("executions.job_id"));
    if (within) wanted.push(within);
  }
  if (filter.status !== undefined) wanted.push(hasStatus(eb, filter.status));
  if (filter.trigger !== undefined) wanted.push(eb("executions.trigger", "=", filter.trigger));
  if (filter.queue !== undefined) wanted.push(eb("executions.queue", "=", filter.queue));
  if (filter.errorCode !== undefined) wanted.push(eb("executions.error_code", "=", filter.errorCode));
  if (filter.replayId !== undefined) wanted.push(eb("executions.replay_id", "=", filter.replayId));
  if (filter.ids !== undefined) wanted.push(sql<SqlBool>`executions.id = any(${filter.ids}::uuid[])`);
  if (filter.errorContains !== undefined) {
    const pattern = `%${filter.errorContains.replace(/[\\%_]/g, "\\$&")}%`;
    wanted.push(sql<SqlBool>`executions.error_code is not null and executions.error ilike ${pattern}`);
  }
  if (filter.host !== undefined) {
    wanted.push(sql<SqlBool>`exists (select from revisions as r where r.scope_id = executions.scope_id
      and r.id = executions.revision_id and r.host = lower(${filter.host}))`);
  }
  if (filter.fromId !== undefined) wanted.push(eb("executions.id", ">=", filter.fromId));
  if (filter.beforeId !== undefined) wanted.push(eb("executions.id", "<", filter.beforeId));
  return eb.and(wanted);
}

/** What is final and did not succeed has an index of its own in a long history. */
function hasStatus(
  eb: ExpressionBuilder<Tables, "executions">,
  status: ExecutionStatus,
): Expression<SqlBool> {
  switch (status) {
    case "failed":
    case "expired":
    case "canceled":
    case "skipped":
      return eb("executions.listed_status", "=", status);
    case "succeeded":
    case "pending":
    case "running":
    case "retrying":
      return eb("executions.status", "=", status);
  }
}

export function findExecution(db: Db | Tx, reach: Reach, id: string): Promise<ExecutionRow | undefined> {
  return executions(db, reach.scopeId)
    .where("executions.id", "=", id)
    .where((eb) => matches(eb, { reach }))
    .executeTakeFirst();
}

/** Which of these executions are over, or gone. */
export async function findOver(db: Db, ids: string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select x.id from unnest(${ids}::uuid[]) x (id)
    where not exists (select 1 from open_executions o where o.id = x.id)`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

export function findAttempts(db: Db, scopeId: number, executionId: string): Promise<AttemptRow[]> {
  return db
    .selectFrom("attempts")
    .innerJoin("executions", "executions.id", "attempts.execution_id")
    .innerJoin("revisions", (join) =>
      join
        .onRef("revisions.scope_id", "=", "executions.scope_id")
        .onRef("revisions.id", "=", "executions.revision_id"),
    )
    .selectAll("attempts")
    .select(["revisions.method", "revisions.url"])
    .where("attempts.scope_id", "=", scopeId)
    .where("attempts.execution_id", "=", executionId)
    .orderBy("attempts.number")
    .execute();
}

/** The execution of a job's last slot at or before `at`. */
export function findLastSlot(
  db: Db,
  job: { scopeId: number; id: string },
  at: Date | null,
): Promise<ExecutionRow | undefined> {
  let query = executions(db, job.scopeId)
    .where("executions.job_id", "=", job.id)
    .where("executions.trigger", "=", "schedule")
    .orderBy("executions.id", "desc")
    .limit(1);
  // An id begins with the time it is for.
  if (at !== null) query = query.where("executions.id", "<", firstIdAt(new Date(at.getTime() + 1)));
  return query.executeTakeFirst();
}

/** The newest execution of a job, whatever it is for. */
export function findNewest(
  db: Db | Tx,
  job: { scopeId: number; id: string },
): Promise<ExecutionRow | undefined> {
  return executions(db, job.scopeId)
    .where("executions.job_id", "=", job.id)
    .orderBy("executions.id", "desc")
    .limit(1)
    .executeTakeFirst();
}

/** Writes an execution that starts at its time, as soon as a worker has room for it. */
export async function insertDueExecution(
  tx: Tx,
  execution: {
    scopeId: number;
    id: string;
    jobId: string;
    queue: string;
    revisionId: string;
    trigger: Trigger;
    replayOf: string | null;
    scheduledFor: Date;
    expiresAt: Date | null;
    /** When it may start. */
    dueAt: Date;
    /** Its job does not allow its executions to overlap. */
    guarded: boolean;
    lineage?: { parent_execution_id: string | null; depth: number } | undefined;
  },
  now: Date,
): Promise<void> {
  await tx
    .insertInto("executions")
    .values({
      scope_id: execution.scopeId,
      id: execution.id,
      job_id: execution.jobId,
      queue: execution.queue,
      revision_id: execution.revisionId,
      trigger: execution.trigger,
      status: "pending",
      scheduled_for: execution.scheduledFor,
      due_at: execution.dueAt,
      replay_of: execution.replayOf,
      expires_at: execution.expiresAt,
      created_at: now,
      // What has no parent of its own is as deep as its job.
      ...(execution.lineage?.parent_execution_id != null && execution.lineage),
    })
    .execute();
  const { id, scopeId: scope_id, jobId, guarded } = execution;
  await tx
    .insertInto("open_executions")
    .values({ id, scope_id, guards_job_id: guarded ? jobId : null })
    .execute();
}

/** Far more than may wait for one another. */
const mostGuarded = 10_000;

/** Makes the executions of a job that are not over count for its overlap: until now it allowed any. The newest count. */
export async function guardOpen(tx: Tx, scopeId: number, jobId: string): Promise<void> {
  // One that is locked is just coming to its end; its settlement waits for the job, which is locked here.
  await sql`
    with newest as (
      select id from executions
      where scope_id = ${scopeId} and job_id = ${jobId}::uuid order by id desc limit ${mostGuarded}
    ), open as (
      select o.id from open_executions o where o.id = any(array(select id from newest))
      for update skip locked
    )
    update open_executions set guards_job_id = ${jobId}::uuid where id = any(array(select id from open))`.execute(
    tx,
  );
}

/** Marks an execution that is under way as wanted no more. */
export async function requestCancel(tx: Tx, id: string, now: Date): Promise<void> {
  await tx
    .updateTable("executions")
    .set({ cancel_requested_at: now })
    .where("id", "=", id)
    .where("finished_at", "is", null)
    .execute();
}
