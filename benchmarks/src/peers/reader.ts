import type { Input } from "@org/scheduler-contract";
import { createScheduler, type Scheduler } from "@org/scheduler-core";
import { token } from "../harness/database.ts";
import { sequentialScans } from "../harness/explain.ts";
import { type Statement, watchStatements } from "../harness/statements.ts";
import { median } from "../harness/statistics.ts";

/** Those that the specification asks for. */
export const asked = ["list all", "list by job", "list by status", "get_job"] as const;
/** And what else is likely to hurt: the filters of two indexes at once. */
export const reads = [...asked, "list a job's failed", "list a job's expired (none)"] as const;
export type Read = (typeof reads)[number];
export type Times = Record<Read, number>;

/** How many jobs the executions are of. */
export const jobs = 20;

/** A process that calls the operations. */
export async function openReader(databaseUrl: string) {
  let statements: Statement[] = [];
  watchStatements((statement) => statements.push(statement));
  const scheduler = await createScheduler({ databaseUrl });
  const call = await readsOf(scheduler);
  // The first calls connect, compile and fill caches.
  for (let index = 0; index < 20; index++) for (const read of reads) await call[read](index);
  return {
    async measure(calls: number): Promise<Times> {
      const times = Object.fromEntries(reads.map((read) => [read, [] as number[]])) as Record<Read, number[]>;
      for (let index = 0; index < calls; index++) {
        for (const read of reads) {
          const begun = performance.now();
          await call[read](index);
          times[read].push(performance.now() - begun);
        }
      }
      return Object.fromEntries(reads.map((read) => [read, median(times[read])])) as Times;
    },
    /** The statements of each call that read all executions from end to end. */
    async scans(): Promise<string[]> {
      const found: string[] = [];
      for (const read of reads) {
        statements = [];
        await call[read](0);
        const sent = statements;
        statements = [];
        for (const statement of sent) {
          const tables = await sequentialScans(scheduler.engine.database.runSql, statement);
          if (tables.includes("executions")) found.push(`${read} reads all executions: ${statement.text}`);
        }
      }
      return found;
    },
  };
}

async function readsOf(scheduler: Scheduler): Promise<Record<Read, (index: number) => Promise<unknown>>> {
  const caller = await scheduler.authenticate(token);
  const { data } = await scheduler.execute("list_jobs", { limit: jobs }, caller);
  const jobOf = (index: number): string => data[index % jobs]!.id;
  const list = async (filter: Input<"list_executions">, least = 50): Promise<void> => {
    const { data: page } = await scheduler.execute("list_executions", { ...filter, limit: 50 }, caller);
    if (page.length < least) throw new Error(`a page of ${JSON.stringify(filter)} has ${page.length} rows`);
  };
  return {
    "list all": () => list({}),
    "list by job": (index) => list({ job_id: jobOf(index) }),
    "list by status": () => list({ status: "failed" }),
    get_job: (index) => scheduler.execute("get_job", { job_id: jobOf(index) }, caller),
    "list a job's failed": (index) => list({ job_id: jobOf(index), status: "failed" }, 1),
    "list a job's expired (none)": (index) => list({ job_id: jobOf(index), status: "expired" }, 0),
  };
}
