import type { Client } from "@org/scheduler-client";
import type { Arrival, Target } from "@org/scheduler-core/testing";
import { expect, vi } from "vitest";

/** A job that was acknowledged, and the slots that it must have fired for by the time they have passed. */
export interface Owed {
  id: string;
  slots: string[];
}

export type Execution = Awaited<ReturnType<Client["listExecutions"]>>["data"][number];

/** What became of all that was owed. */
export interface Reckoning {
  executions: Execution[];
  /** Requests for a slot that had one already, the first of a slot not counted. */
  again: Arrival[];
  /** Attempts that were cut off, whether their request had left or not. */
  interrupted: number;
  waitedMs: number;
}

/**
 * Waits until every slot that has passed is done, then holds what is recorded against what really arrived: nothing
 * lost, nothing made up, and what was sent twice can be told by its key.
 */
export async function expectAllDone(
  client: Client,
  owed: Owed[],
  target: Target,
  timeout = 40_000,
): Promise<Reckoning> {
  const begun = performance.now();
  const executions = await vi.waitFor(() => expectSettled(client, owed, target), { timeout, interval: 500 });
  const waitedMs = Math.round(performance.now() - begun);

  const slots = new Set(owed.flatMap(slotsOf));
  expectNone("slots have two executions", repeated(executions.map(slotOfExecution)));
  expectNone(
    "executions are for no slot",
    executions.filter((execution) => !slots.has(slotOfExecution(execution))),
  );
  expectNone(
    "requests are for no slot",
    target.arrivals.filter((arrival) => !slots.has(slotOfArrival(arrival))),
  );
  // A slot that comes while the history is read is in the one and not in the other.
  const recorded = new Set(executions.map(slotOfExecution));
  const counted = target.arrivals.filter((arrival) => recorded.has(slotOfArrival(arrival)));
  const arrivals = Map.groupBy(counted, keyOf);
  let interrupted = 0;
  for (const execution of executions) {
    const sent = arrivals.get(execution.id) ?? [];
    await expectAttempts(client, execution, sent);
    expect(new Set(sent.map(slotOfArrival))).toEqual(new Set([slotOfExecution(execution)]));
    interrupted += execution.attempt_count - 1;
  }
  const again = [...arrivals.values()].flatMap((sent) => sent.slice(1));
  expect(counted.length).toBe(executions.length + again.length);
  return { executions, again, interrupted, waitedMs };
}

/** How long ago a slot must have been for its execution to be there. */
export const graceMs = 3000;

/** Every job is there, every slot that has passed has fired, and no execution is open any more. */
async function expectSettled(client: Client, owed: Owed[], target: Target): Promise<Execution[]> {
  const due = new Date(Date.now() - graceMs).toISOString();
  const slots = owed.flatMap(({ id, slots: at }) => slotsOf({ id, slots: at.filter((slot) => slot < due) }));
  // What costs nothing comes first: this is asked again and again.
  const arrived = new Set(target.arrivals.map(slotOfArrival));
  expectNone(
    "slots were not sent",
    slots.filter((slot) => !arrived.has(slot)),
  );
  const executions = await allPages((cursor) => client.listExecutions({ limit: 100, ...cursor }));
  const unfinished = executions.filter(({ status }) => status !== "succeeded");
  expectNone(
    "executions are not done",
    unfinished.map(({ id, status, reason }) => ({ id, status, reason })),
  );
  const recorded = new Set(executions.map(slotOfExecution));
  expectNone(
    "slots were not recorded",
    slots.filter((slot) => !recorded.has(slot)),
  );
  const jobs = await allPages((cursor) => client.listJobs({ limit: 100, ...cursor }));
  const known = new Set(jobs.map(({ id }) => id));
  expectNone(
    "jobs are gone",
    owed.filter(({ id }) => !known.has(id)),
  );
  const open = jobs.filter(({ next_run_at, state }) => next_run_at === null && state !== "completed");
  expectNone(
    "jobs hang",
    open.map(({ id, name, state }) => ({ id, name, state })),
  );
  return executions;
}

/**
 * All attempts but the last were cut off, or answered by the time that their worker, taken for dead, went on; each may
 * have left or not, none left twice.
 */
async function expectAttempts(client: Client, execution: Execution, sent: Arrival[]): Promise<void> {
  const numbers = sent.map(({ headers }) => headers["sched-attempt"]);
  expect(numbers).toContain(String(execution.attempt_count));
  expect(new Set(numbers).size, `attempts of ${execution.id}`).toBe(numbers.length);
  if (execution.attempt_count === 1) return;
  const { attempts } = await client.getExecution({ execution_id: execution.id });
  const ends = attempts.map(({ status, error_code }) => [status, error_code]);
  expect(ends.at(-1)).toEqual(["succeeded", null]);
  for (const end of ends.slice(0, -1))
    expect([
      ["interrupted", "worker_lost"],
      ["succeeded", null],
    ]).toContainEqual(end);
}

/** Shows a few of what should not be there, and how many there are in all. */
function expectNone(what: string, found: unknown[]): void {
  expect(found.slice(0, 5), `${found.length} ${what}`).toEqual([]);
}

function slotsOf({ id, slots }: Owed): string[] {
  return slots.map((slot) => `${id} ${slot}`);
}

function slotOfExecution({ job_id, scheduled_for }: Execution): string {
  return `${job_id} ${scheduled_for}`;
}

function slotOfArrival({ headers }: Arrival): string {
  return `${String(headers["x-cron-service-job-id"])} ${String(headers["x-cron-service-scheduled-for"])}`;
}

/** The execution that a request names as its own. */
export function keyOf({ headers }: Arrival): string {
  return String(headers["idempotency-key"]);
}

function repeated(names: string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(name).size);
}

interface Page<Row> {
  data: Row[];
  next_cursor: string | null;
}

export async function allPages<Row>(
  page: (cursor: { cursor?: string }) => Promise<Page<Row>>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { data, next_cursor } = await page(cursor === undefined ? {} : { cursor });
    rows.push(...data);
    cursor = next_cursor;
  }
  return rows;
}
