import { type Selectable, type SelectQueryBuilder, sql } from "kysely";
import { mostCounted } from "@org/scheduler-contract";
import type { ExecutionStatus, JobKind, JobState, RetryPolicy } from "@org/scheduler-contract";
import { type Counts, countsOf } from "../counts.ts";
import type { Reach } from "../access/reach.sql.ts";
import { effective } from "../queues/effective.ts";
import type { Db, JobChange, Jobs, NewJob, NewRevision, Revisions, Tables, Tx } from "../database/tables.ts";

/** The columns of a job's row that its revision has. */
export const requestColumns = [
  "method",
  "url",
  "headers",
  "sealed_headers",
  "body",
  "secrets",
  "fills_templates",
  "for_agent",
  "timeout_seconds",
  "success_statuses",
  "retry",
  "inherits_timeout",
  "inherits_retry",
  "assertions",
  "follow_redirects",
  "callback_url",
] as const;

export type RequestColumn = (typeof requestColumns)[number];
export type JobColumns = Selectable<Jobs>;
export type Revision = Selectable<Revisions>;

/** A job together with the request of its current revision. */
export type JobRow = JobColumns &
  Pick<Revision, RequestColumn> & {
    /** What holds, whoever said so. */
    effective_timeout_seconds: number;
    effective_retry: RetryPolicy;
  };

interface JobFilter {
  state?: JobState | undefined;
  kind?: JobKind | undefined;
  queue?: string | undefined;
  agent?: string | undefined;
  /** Only those that send messages to agents. */
  isSchedule?: boolean | undefined;
  key?: string | undefined;
  number?: number | undefined;
  name?: string | undefined;
  name_prefix?: string | undefined;
  search?: string | undefined;
  last_status?: ExecutionStatus | undefined;
  min_consecutive_failures?: number | undefined;
  overdue?: boolean | undefined;
  metadata?: Record<string, string> | undefined;
}

const joined = { revision: "revisions", queue: "queues" };

function jobs(db: Db | Tx, { scopeId, jobs: within }: Reach) {
  const query = db
    .selectFrom("jobs")
    .innerJoin("revisions", (join) =>
      join.onRef("revisions.scope_id", "=", "jobs.scope_id").onRef("revisions.id", "=", "jobs.revision_id"),
    )
    .leftJoin("queues", (join) =>
      join.onRef("queues.scope_id", "=", "jobs.scope_id").onRef("queues.name", "=", "jobs.queue"),
    )
    .where("jobs.scope_id", "=", scopeId)
    .where("jobs.deleted_at", "is", null)
    .selectAll("jobs")
    .select(requestColumns.map((column) => `revisions.${column}` as const))
    .select([
      sql<number>`${sql.raw(effective("timeout_seconds", joined))}`.as("effective_timeout_seconds"),
      sql<RetryPolicy>`${sql.raw(effective("retry", joined))}`.as("effective_retry"),
    ]);
  return within ? query.where(within("jobs")) : query;
}

interface JobPage {
  filter: JobFilter;
  before: string | undefined;
  limit: number;
  /** When a job is overdue. */
  now: Date;
}

const overdueMs = 5000;

/** What the requests of one page may weigh together, in bytes: a hundred at their limits are 66 MB. */
const pageBytes = 2_000_000;

/**
 * One page of jobs, newest first, with one row more than asked where there is a next page. It ends early where its jobs
 * are heavy: the row that is one too many is marked then.
 */
export async function listJobs(db: Db | Tx, reach: Reach, page: JobPage): Promise<ListedJob[]> {
  const { state } = page.filter;
  const query = pageOfJobs(db, reach, page);
  if (state === undefined) return readPage(db, query);
  // Most jobs that run once are completed: their list is read past the others.
  if (state === "completed") return readPage(db, query.where("jobs.state", "=", state));
  const listed = await readPage(db, query.where("jobs.listed_state", "=", state));
  if (state !== "active") return listed;
  const last = await readPage(
    db,
    query
      .where("jobs.state", "=", state)
      .where("jobs.next_run_at", "is", null)
      .where("jobs.id", "in", jobsUnderWay(db, reach.scopeId)),
  );
  // One that started between the two looks is in both.
  const active = new Map([...last, ...listed].map((job) => [job.id, job]));
  const merged = [...active.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  // Behind the place where either of them ended early, the other alone is no whole list.
  const end = merged.findIndex((job) => job.is_beyond);
  return (end === -1 ? merged : merged.slice(0, end + 1)).slice(0, page.limit + 1);
}

/** How many jobs a filter is for, by their states, counted up to a limit. */
export async function countJobs(
  db: Db,
  reach: Reach,
  { filter, now }: Pick<JobPage, "filter" | "now">,
): Promise<Counts> {
  const { state, ...others } = filter;
  const found = pageOfJobs(db, reach, { filter: others, before: undefined, limit: mostCounted, now })
    .clearSelect()
    .clearOrderBy()
    .select("jobs.state as is")
    .$if(state !== undefined, (query) => query.where("jobs.state", "=", state!));
  return countsOf(
    await db
      .selectFrom(found.as("found"))
      .select(["is", (eb) => eb.fn.countAll<string>().as("count")])
      .groupBy("is")
      .execute(),
  );
}

/** Reads no more of a page than may be sent: PostgreSQL adds up the sizes without reading what they are of. */
async function readPage(db: Db | Tx, query: ReturnType<typeof pageOfJobs>): Promise<ListedJob[]> {
  const weighed = db
    .selectFrom(query.select(weight.as("weight")).as("weighed"))
    .selectAll("weighed")
    .select(
      sql<number>`sum(weighed.weight) over (order by weighed.id desc) - weighed.weight`.as("weight_before"),
    );
  const rows = await db
    .selectFrom(weighed.as("page"))
    .selectAll("page")
    .where("page.weight_before", "<=", pageBytes)
    .orderBy("page.id", "desc")
    .execute();
  // The last that was read is the one that is too much, if any is; no job weighs as much as a page may.
  const last = rows.at(-1);
  const isOver = last !== undefined && Number(last.weight_before) + last.weight > pageBytes;
  return isOver ? [...rows.slice(0, -1), { ...last, is_beyond: true }] : rows;
}

/** A job of a list; one that is beyond what a page may weigh only says that there are more. */
type ListedJob = JobRow & { is_beyond?: boolean };

const weight = sql<number>`(octet_length(coalesce(revisions.body, '')) + octet_length(revisions.headers::text)
  + octet_length(coalesce(revisions.assertions::text, '')) + octet_length(jobs.metadata::text))`;

function jobsUnderWay(db: Db | Tx, scopeId: number) {
  return db
    .selectFrom("open_executions")
    .innerJoin("executions", "executions.id", "open_executions.id")
    .where("open_executions.scope_id", "=", scopeId)
    .select("executions.job_id");
}

function pageOfJobs(db: Db | Tx, reach: Reach, { filter, before, limit, now }: JobPage) {
  let query = jobs(db, reach);
  // An order would tempt PostgreSQL to walk through all jobs until it meets the only one.
  if (filter.key !== undefined) query = query.where("jobs.key", "=", filter.key);
  else if (filter.number !== undefined) query = query.where("jobs.number", "=", filter.number);
  else query = query.orderBy("jobs.id", "desc").limit(limit + 1);
  if (before !== undefined) query = query.where("jobs.id", "<", before);
  if (filter.kind !== undefined) query = query.where("jobs.kind", "=", filter.kind);
  if (filter.queue !== undefined) query = query.where("jobs.queue", "=", filter.queue);
  if (filter.agent !== undefined) query = query.where("jobs.agent", "=", filter.agent);
  if (filter.isSchedule) query = query.where("jobs.message", "is not", null);
  if (filter.name !== undefined) {
    const lower = sql<boolean>`lower(jobs.name) = lower(${filter.name})`;
    query = query.where(lower).where("jobs.name", "=", filter.name);
  }
  if (filter.name_prefix !== undefined)
    query = query.where(sql<boolean>`lower(jobs.name) like lower(${literally(filter.name_prefix)}) || '%'`);
  if (filter.last_status !== undefined) query = query.where("jobs.last_status", "=", filter.last_status);
  if (filter.min_consecutive_failures !== undefined) {
    query = query
      .where("jobs.consecutive_failures", ">", 0)
      .where("jobs.consecutive_failures", ">=", filter.min_consecutive_failures);
  }
  if (filter.overdue !== undefined) {
    const since = new Date(now.getTime() - overdueMs);
    query = query.where(sql<boolean>`coalesce(jobs.next_run_at < ${since}, false) = ${filter.overdue}`);
  }
  if (filter.search !== undefined) {
    const pattern = `%${literally(filter.search)}%`;
    query = query.where((eb) =>
      eb.or([eb("jobs.name", "ilike", pattern), eb("revisions.url", "ilike", pattern)]),
    );
  }
  if (filter.metadata !== undefined) {
    query = query.where(sql<boolean>`jobs.metadata @> ${JSON.stringify(filter.metadata)}::jsonb`);
  }
  return query;
}

/** A text as a pattern that matches it alone. */
function literally(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}

export function findJob(db: Db | Tx, reach: Reach, id: string): Promise<JobRow | undefined> {
  return jobs(db, reach).where("jobs.id", "=", id).executeTakeFirst();
}

export function findJobs(db: Db | Tx, reach: Reach, ids: string[]): Promise<JobRow[]> {
  return jobs(db, reach)
    .where(sql<boolean>`jobs.id = any(${ids}::uuid[])`)
    .execute();
}

/** Finds a job and keeps everybody else, the planner included, from changing it until the transaction ends. */
export async function lockJob(tx: Tx, reach: Reach, id: string): Promise<JobRow | undefined> {
  // Two statements: a row that was waited for would still be joined to the revision it had before the wait.
  const locked = await within(reach, tx.selectFrom("jobs").select("id").where("id", "=", id))
    .forUpdate()
    .executeTakeFirst();
  return locked && findJob(tx, reach, id);
}

/** The same for many, in one order: two that lock several do not wait for each other. */
export async function lockJobs(tx: Tx, reach: Reach, ids: string[]): Promise<JobRow[]> {
  const locked = await within(reach, tx.selectFrom("jobs").select("id"))
    .where(sql<boolean>`jobs.id = any(${ids}::uuid[])`)
    .where("deleted_at", "is", null)
    .orderBy("id")
    .forUpdate()
    .execute();
  return findJobs(
    tx,
    reach,
    locked.map(({ id }) => id),
  );
}

/** Rows of `jobs` that are within reach. */
function within<Row>(
  { scopeId, jobs: only }: Reach,
  query: SelectQueryBuilder<Tables, "jobs", Row>,
): SelectQueryBuilder<Tables, "jobs", Row> {
  return query
    .where("jobs.scope_id", "=", scopeId)
    .$if(only !== undefined, (all) => all.where(only!("jobs")));
}

/** What many jobs become together. */
export type JobChanged = Pick<JobRow, "id" | "state" | "run_at" | "next_run_at">;

export async function updateJobs(tx: Tx, scopeId: number, changes: JobChanged[], now: Date): Promise<void> {
  await sql`
    update jobs set state = x.state, run_at = x.run_at, next_run_at = x.next_run_at, updated_at = ${now}
    from json_to_recordset(${JSON.stringify(changes)}::json) as x(
      id uuid, state text, run_at timestamptz, next_run_at timestamptz)
    where jobs.scope_id = ${scopeId} and jobs.id = x.id`.execute(tx);
}

/** A job that was deleted, and by whom, for as long as retention keeps it. */
export function findDeleted(db: Db | Tx, reach: Reach, id: string) {
  const columns = ["id", "name", "key", "deleted_at", "deleted_by", "is_purged"] as const;
  return within(reach, db.selectFrom("jobs").select(columns))
    .where("id", "=", id)
    .where("deleted_at", "is not", null)
    .executeTakeFirst();
}

/** Whether there is, or was until it was deleted, a job of this id. */
export async function knowsJob(db: Db | Tx, reach: Reach, id: string): Promise<boolean> {
  const query = within(reach, db.selectFrom("jobs").select("id")).where("id", "=", id);
  return (await query.executeTakeFirst()) !== undefined;
}

/** A job to be stored: what it leaves out the database fills in. */
type StoredJob = Pick<JobColumns, "id" | "key"> & Partial<JobColumns>;

/** Stores jobs, but for those whose keys others have meanwhile; answers the ids of those that are stored. */
export async function insertJobs(tx: Tx, rows: StoredJob[]): Promise<string[]> {
  const inserted = tx
    .insertInto("jobs")
    .values(rows.map((row) => asWritten<NewJob>(row)))
    .returning("id");
  const isKeyed = rows.some(({ key }) => key != null);
  const query = inserted.$if(isKeyed, (keyed) =>
    keyed.onConflict((conflict) =>
      conflict
        .columns(["scope_id", "key"])
        .where("key", "is not", null)
        .where("deleted_at", "is", null)
        .doNothing(),
    ),
  );
  return (await query.execute()).map(({ id }) => id);
}

/** The same in a transaction to be rolled back. A sequence does not roll back, so its next number is only read. */
export async function insertTrialJob(tx: Tx, row: StoredJob): Promise<string[]> {
  const columns = sql.join(["number", ...Object.keys(row)].map((name) => sql.ref(name)));
  const number = sql`(select last_value + is_called::integer from jobs_number_seq)`;
  const values = sql.join([number, ...Object.values(asWritten<object>(row))]);
  const { rows } = await sql<{ id: string }>`
    insert into jobs (${columns}) overriding system value values (${values})
    on conflict (scope_id, key) where key is not null and deleted_at is null do nothing
    returning id`.execute(tx);
  return rows.map(({ id }) => id);
}

export async function insertRevisions(tx: Tx, rows: Revision[]): Promise<void> {
  await tx
    .insertInto("revisions")
    .values(rows.map((row) => asWritten<NewRevision>(row)))
    .execute();
}

export async function updateJob(
  tx: Tx,
  scopeId: number,
  id: string,
  change: Partial<JobColumns>,
): Promise<void> {
  await tx
    .updateTable("jobs")
    .set(asWritten<JobChange>(change))
    .where("scope_id", "=", scopeId)
    .where("id", "=", id)
    .execute();
}

const jsonColumns = ["metadata", "declared", "headers", "success_statuses", "assertions", "retry"];

/** A row with its JSON as text: an array would be written as one of PostgreSQL's own. */
function asWritten<Written>(row: object): Written {
  const entries = Object.entries(row).map(([name, value]) => {
    return [name, jsonColumns.includes(name) && value !== null ? JSON.stringify(value) : value];
  });
  return Object.fromEntries(entries) as Written;
}
