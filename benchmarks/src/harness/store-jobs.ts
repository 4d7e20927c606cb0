import type pg from "pg";
import { templateJobs } from "./database.ts";

/** A job of ours as a benchmark wants it. */
export interface JobToStore {
  url: string;
  /** Milliseconds since the epoch. */
  dueAt: number;
  timeoutSeconds?: number;
  /** A job without one runs once. */
  cron?: string;
  timezone?: string;
}

const hostOfUrl = "substring(n.url from '//([^/]*)')";

const columns = `"dueAt" double precision, url text, "timeoutSeconds" integer, cron text, timezone text`;

/** Stores jobs as `create_job` would, but all at once: that is not what is measured. */
export async function storeJobs(client: pg.Client, jobs: JobToStore[]): Promise<void> {
  await copyJobs(client, `json_to_recordset($1::json) as j(${columns})`, [JSON.stringify(jobs)]);
}

/** Stores jobs that are due once, at random instants of the next year but not within an hour. */
export async function storeFutureJobs(client: pg.Client, count: number, url: string): Promise<void> {
  await copyJobs(
    client,
    `(select $2 || '/0/' || i as url, extract(epoch from now() + interval '1 hour' + random() * interval '1 year') * 1000
        as "dueAt", null::integer as "timeoutSeconds", null as cron, null as timezone
      from generate_series(1, $1::integer) i) j`,
    [count, url],
  );
}

async function copyJobs(client: pg.Client, source: string, values: unknown[]): Promise<void> {
  // Separate statements would each see their own random ids.
  await client.query(
    `create temp table new_jobs as
      select uuidv7() as id, uuidv7() as revision_id, to_timestamp("dueAt" / 1000) as due_at, j.* from ${source}`,
    values,
  );
  for (const [name, which] of [
    [templateJobs.once, "n.cron is null"],
    [templateJobs.cron, "n.cron is not null"],
  ] as const) {
    const template = `template.id = (select id from scheduler.jobs where name = '${name}') and ${which}`;
    await copyRows(client, {
      table: "scheduler.revisions",
      set: {
        id: "n.revision_id",
        job_id: "n.id",
        url: "n.url",
        host: hostOfUrl,
        timeout_seconds: `coalesce(n."timeoutSeconds", template.timeout_seconds)`,
      },
      from: `new_jobs n where ${template.replace("template.id", "template.job_id")}`,
    });
    await copyRows(client, {
      table: "scheduler.jobs",
      set: {
        id: "n.id",
        revision_id: "n.revision_id",
        name: "n.url",
        host: hostOfUrl,
        run_at: "case when n.cron is null then n.due_at end",
        next_run_at: "n.due_at",
        cron: "n.cron",
        timezone: "coalesce(n.timezone, template.timezone)",
      },
      from: `new_jobs n where ${template}`,
    });
  }
  await client.query("drop table new_jobs");
  // As create_job does: the planner may be asleep.
  await client.query("select pg_notify('scheduler_due', '')");
}

/** Brings the tables to where autovacuum has them soon after in production, so that it does not start in between. */
export async function vacuum(client: pg.Client): Promise<void> {
  await client.query("vacuum (analyze) scheduler.jobs, scheduler.revisions");
}

export interface Copy {
  table: string;
  /** Columns that differ from the row `template`, as SQL. */
  set: Record<string, string>;
  /** What comes after `from <table> template,`: one copy for each of its rows. */
  from: string;
  values?: unknown[];
}

/** Copies a row many times. Columns that a benchmark does not know of are copied along. */
export async function copyRows(client: pg.Client, { table, set, from, values }: Copy): Promise<void> {
  const { rows } = await client.query<{ attname: string }>(
    `select attname from pg_attribute
    where attrelid = $1::regclass and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = ''`,
    [table],
  );
  const names = rows.map(({ attname }) => attname);
  const given = names.map((name) => set[name] ?? `template.${name}`);
  await client.query(
    `insert into ${table} (${names.join()}) select ${given.join()} from ${table} template, ${from}`,
    values,
  );
}
