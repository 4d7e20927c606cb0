import type { Client } from "@org/scheduler-client";
import type { Target } from "@org/scheduler-core/testing";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, vi } from "vitest";

/** Something that can be crashed while jobs are made and fire. */
export interface System {
  name: string;
  /** Answers a client of what runs at the moment. */
  client(): Client;
  /** Makes a job, by whichever face. */
  create(job: NewJob): Promise<{ id: string; next_run_at: string }>;
  /** Kills at this very moment, then starts again what it killed; answers what that was. */
  crash(random: () => number, round: number): Promise<string>;
}

interface NewJob {
  name: string;
  url: string;
  when: string;
}

/** A job that was acknowledged, and the slots that it must have fired for by the time they have passed. */
interface Owed {
  id: string;
  slots: string[];
}

type Execution = Awaited<ReturnType<Client["listExecutions"]>>["data"][number];

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Crashes a system in the middle of its work, again and again; answers what it owes. */
export async function crashRepeatedly(
  system: System,
  { target, seed, rounds }: { target: Target; seed: number; rounds: number },
): Promise<Owed[]> {
  const random = seededRandom(seed);
  // Slow enough that a crash finds requests under way.
  target.answer((_, response) => void setTimeout(() => response.end("ok"), 50 + Math.random() * 600));
  const owed = await createRepeating(system.client(), target);
  for (let round = 1; round <= rounds; round++) {
    const momentMs = 200 + random() * 1800;
    const traffic = createUntilItFails(system, { target, random: seededRandom(seed + round), owed, round });
    await sleep(momentMs);
    const what = await system.crash(random, round);
    const made = await traffic;
    console.log(
      `${system.name}, seed ${seed}, round ${round}: ${made} jobs, ${what} killed after ${Math.round(momentMs)} ms`,
    );
  }
  return owed;
}

async function createRepeating(client: Client, target: Target): Promise<Owed[]> {
  const start_at = new Date(Date.now() + 3000).toISOString();
  const recurring = { name: "recurring", url: `${target.url}/recurring`, every_n_minutes: 1, start_at };
  const jobs = await Promise.all([
    client.createJob(recurring),
    client.createJob({ name: "cron", url: `${target.url}/cron`, cron: "* * * * *" }),
  ]);
  return jobs.map(({ id, next_runs }) => ({ id, slots: next_runs }));
}

const jobsPerRound = 15;

/** Makes one-off jobs, a few due every second, until it has enough or the crash stops it. */
async function createUntilItFails(
  system: System,
  { target, random, owed, round }: { target: Target; random: () => number; owed: Owed[]; round: number },
): Promise<number> {
  for (let made = 0; made < jobsPerRound; made++) {
    const when = `${1 + Math.floor(random() * 5)}s`;
    const job = { name: `${round}-${made}`, url: `${target.url}/${round}-${made}`, when };
    const created = await system.create(job).catch(() => undefined);
    if (created === undefined) return made;
    owed.push({ id: created.id, slots: [created.next_run_at] });
    await sleep(random() * 100);
  }
  return jobsPerRound;
}

/** Nothing was lost, nothing hangs, and what was sent twice can be told by its key. */
export async function expectAllDone(system: System, owed: Owed[], target: Target): Promise<void> {
  const client = system.client();
  const begun = performance.now();
  const executions = await vi.waitFor(() => expectSettled(client, owed), { timeout: 40_000, interval: 500 });
  const recoveredMs = Math.round(performance.now() - begun);

  for (const { id, slots } of owed) {
    const fired = executions.filter(({ job_id }) => job_id === id).map(({ scheduled_for }) => scheduled_for);
    expect(new Set(fired).size, `${id} has one execution for each slot`).toBe(fired.length);
    expect(slots).toEqual(expect.arrayContaining(fired));
  }
  let interrupted = 0;
  for (const execution of executions) {
    await expectAttempts(client, execution, target);
    interrupted += execution.attempt_count - 1;
  }
  const ids = new Set(executions.map(({ id }) => id));
  for (const { headers } of target.arrivals) expect(ids).toContain(headers["idempotency-key"]);
  console.log(
    `${system.name}: ${owed.length} jobs, ${executions.length} executions, ${target.arrivals.length} requests, ` +
      `${interrupted} attempts interrupted; all done ${recoveredMs} ms after the last start`,
  );
}

/** How long ago a slot must have been for its execution to be there. */
const graceMs = 3000;

/** Every job is there, every slot that has passed has its execution, and no execution is open any more. */
async function expectSettled(client: Client, owed: Owed[]): Promise<Execution[]> {
  const jobs = await allPages((cursor) => client.listJobs({ limit: 100, ...cursor }));
  const known = new Set(jobs.map(({ id }) => id));
  expect(owed.filter(({ id }) => !known.has(id))).toEqual([]);
  const open = jobs.filter(({ kind, state }) => kind === "scheduled" && state !== "completed");
  expect(open.map(({ id, name, state }) => ({ id, name, state }))).toEqual([]);

  const due = new Date(Date.now() - graceMs).toISOString();
  const executions = await allPages((cursor) => client.listExecutions({ limit: 100, ...cursor }));
  const fired = new Set(executions.map(({ job_id, scheduled_for }) => `${job_id} ${scheduled_for}`));
  const slots = owed.flatMap(({ id, slots: at }) =>
    at.filter((slot) => slot < due).map((slot) => `${id} ${slot}`),
  );
  expect(slots.filter((slot) => !fired.has(slot))).toEqual([]);
  const unfinished = executions.filter(({ status }) => status !== "succeeded");
  expect(unfinished.map(({ id, status, reason }) => ({ id, status, reason }))).toEqual([]);
  return executions;
}

/** All attempts but the last were cut by a crash; each may have left or not, none left twice. */
async function expectAttempts(
  client: Client,
  { id, attempt_count }: Execution,
  target: Target,
): Promise<void> {
  const { attempts } = await client.getExecution({ execution_id: id });
  const cut = Array.from({ length: attempt_count - 1 }, () => "interrupted");
  expect(attempts.map(({ status }) => status)).toEqual([...cut, "succeeded"]);
  const sent = target.arrivals
    .filter(({ headers }) => headers["idempotency-key"] === id)
    .map(({ headers }) => headers["sched-attempt"]);
  expect(sent).toContain(String(attempt_count));
  expect(new Set(sent).size).toBe(sent.length);
}

interface Page<Row> {
  data: Row[];
  next_cursor: string | null;
}

async function allPages<Row>(page: (cursor: { cursor?: string }) => Promise<Page<Row>>): Promise<Row[]> {
  const rows: Row[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { data, next_cursor } = await page(cursor === undefined ? {} : { cursor });
    rows.push(...data);
    cursor = next_cursor;
  }
  return rows;
}
