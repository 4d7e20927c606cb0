import { sql } from "kysely";
import { beforeAll, describe, expect, test } from "vitest";
import { statements } from "../database/statement.ts";
import { testBench } from "../testing/bench.ts";
import { analyzeGrown } from "./analyze.sql.ts";
import { sessionOf } from "./engine.ts";

/** What PostgreSQL says it would do; only what is looked at here. */
interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  Plans?: Node[];
}

/** What a history lets grow without end. All else has as many rows as there are queues, workers, open executions. */
const large = ["executions", "attempts", "jobs", "revisions", "deliveries", "replays"];

/** Indexes of what waits alone: walked in their order without a condition, they end at their first rows. */
const waiting = [
  "executions_in_line",
  "executions_due",
  "jobs_due",
  "deliveries_due",
  "executions_in_line_expire",
];

const { setup, create, run } = testBench();

const execute = (text: string) => sql.raw(text).execute(setup.scheduler.engine.database.db);

/**
 * The plan that a prepared statement is run by for ever: a generic one, made with the tables as they are now. The
 * settings are those of the connections that run it.
 */
async function planOf(name: string): Promise<Node> {
  const text = statements.get(name)!;
  const parameters = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
  const values = Array.from({ length: parameters }, () => "null").join(", ");
  return setup.scheduler.engine.database.db.connection().execute(async (db) => {
    await sql`set plan_cache_mode = force_generic_plan`.execute(db);
    await sql.raw(`prepare looked_at as ${text}`).execute(db);
    const explain = `explain (format json) execute looked_at${values && `(${values})`}`;
    const { rows } = await sql.raw<{ "QUERY PLAN": [{ Plan: Node }] }>(explain).execute(db);
    await sql`deallocate looked_at`.execute(db);
    await sql`reset plan_cache_mode`.execute(db);
    return rows[0]!["QUERY PLAN"][0].Plan;
  });
}

/** Where a plan reads all of a table that grows, or of an index of one: "Seq Scan on executions". */
function readsAll(node: Node): string[] {
  const { "Node Type": type, "Relation Name": table, "Index Name": index } = node;
  const below = (node.Plans ?? []).flatMap(readsAll);
  const isFree =
    index === undefined || node["Index Cond"] !== undefined || waiting.includes(index) || !/Scan/.test(type);
  if (type === "Seq Scan" && large.includes(table!)) return [`${type} on ${table}`, ...below];
  if (!isFree && (large.includes(table!) || large.some((one) => index.startsWith(one))))
    return [`${type} using ${index}`, ...below];
  return below;
}

/** So many executions that are over, each of a job of its own, with a tenth as many deliveries. */
async function fill(count: number): Promise<void> {
  const job = await create({ name: "filled", cron: "0 0 1 1 *", callback_url: "https://example.com/told" });
  await run("run_job", { job_id: job.id });
  const columns = async (table: string, but: string[]) => {
    const { rows } = await sql<{ name: string }>`
      select column_name as name from information_schema.columns
      where table_schema = 'scheduler' and table_name = ${table} and is_generated = 'NEVER' and is_identity = 'NO'`.execute(
      setup.scheduler.engine.database.db,
    );
    return rows.map(({ name }) => name).filter((name) => !but.includes(name));
  };
  const ids = `select i, ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid as id
    from generate_series(1, ${count}) i`;
  const copy = async (table: string, set: Record<string, string>, where = "true") => {
    const kept = await columns(table, Object.keys(set));
    await execute(`insert into scheduler.${table} (${[...kept, ...Object.keys(set)].join(", ")})
      select ${[...kept.map((name) => `t.${name}`), ...Object.values(set)].join(", ")}
      from (select * from scheduler.${table} where ${where} limit 1) t, (${ids}) x`);
  };
  await copy("revisions", { id: "x.id", job_id: "x.id" });
  await copy("jobs", {
    id: "x.id",
    revision_id: "x.id",
    next_run_at: "case when i % 2 = 0 then now() + i * interval '1 minute' end",
    state: "case when i % 2 = 0 then 'active' else 'completed' end",
  });
  await copy("executions", {
    id: "x.id",
    job_id: "x.id",
    revision_id: "x.id",
    status: "'succeeded'",
    due_at: "null",
    finished_at: "now()",
    error_code: "case when i % 50 = 0 then 'status' end",
  });
  await execute(`insert into scheduler.attempts (execution_id, number, scope_id, status, started_at, latency_ms, response_truncated)
    select id, 1, scope_id, 'succeeded', now(), 1, false from scheduler.executions where status = 'succeeded'`);
  await execute(`insert into scheduler.deliveries (id, scope_id, kind, execution_id, job_id, url, status, created_at, finished_at)
    select id, scope_id, 'callback', id, job_id, 'https://example.com/told', 'sent', now(), now()
    from scheduler.executions where status = 'succeeded' and right(id::text, 1) = '0'`);
}

test(
  "a table that has grown tenfold is looked at anew, and then left alone",
  { timeout: 60_000 },
  async () => {
    const { engine } = setup.scheduler;
    await setup.reset();
    await execute("vacuum analyze");
    await fill(300);
    const grown = ["jobs", "revisions", "executions", "attempts"];
    await expect
      .poll(() => analyzeGrown(sessionOf(engine)), { timeout: 30_000 })
      .toEqual(expect.arrayContaining(grown));
    expect(await analyzeGrown(sessionOf(engine))).toEqual([]);
  },
);

describe.each([
  { rows: 0, made: "just made" },
  { rows: 0, made: "looked at by a vacuum" },
  { rows: 200, made: "looked at by a vacuum" },
  { rows: 100_000, made: "looked at by a vacuum" },
])("of tables with $rows rows, $made, no statement reads all", ({ rows, made }) => {
  beforeAll(async () => {
    await setup.reset();
    if (rows > 0) await fill(rows);
    if (made !== "just made") await execute("vacuum analyze");
  }, 60_000);

  test.each([...statements.keys()])("%s", async (name) => {
    expect(readsAll(await planOf(name))).toEqual([]);
  });
});
