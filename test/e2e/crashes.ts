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
  const settled = await vi.waitFor(
    async () => {
      const jobs = await allPages((cursor) => client.listJobs({ limit: 100, ...cursor }));
      const executions = await allPages((cursor) => client.listExecutions({ limit: 100, ...cursor }));
      const open = executions.filter(({ finished_at }) => finished_at === null);
      expect(open.map(({ id, status }) => [id, status])).toEqual([]);
      const waiting = jobs.filter(({ kind, state }) => kind === "scheduled" && state !== "completed");
      expect(waiting.map(({ id, state }) => [id, state])).toEqual([]);
      return { jobs, executions };
    },
    { timeout: 40_000, interval: 500 },
  );
  const recoveredMs = Math.round(performance.now() - begun);

  const now = Date.now();
  const known = new Map(settled.jobs.map((job) => [job.id, job]));
  for (const { id, slots } of owed) {
    expect(known.has(id), `${id} is lost`).toBe(true);
    const due = slots.filter((slot) => Date.parse(slot) < now - 3000);
    const runs = settled.executions.filter(({ job_id }) => job_id === id);
    const fired = runs.map(({ scheduled_for }) => scheduled_for).filter((at) => Date.parse(at) < now - 3000);
    expect(fired.toSorted(), `the slots of ${known.get(id)!.name}`).toEqual(due);
    for (const { status } of runs) expect(status).toBe("succeeded");
  }

  let interrupted = 0;
  for (const { id, attempt_count } of settled.executions) {
    const { attempts } = await client.getExecution({ execution_id: id });
    const cut = Array.from({ length: attempt_count - 1 }, () => "interrupted");
    expect(attempts.map(({ status }) => status)).toEqual([...cut, "succeeded"]);
    interrupted += cut.length;
    const keys = target.arrivals.filter(({ headers }) => headers["idempotency-key"] === id);
    const numbers = keys.map(({ headers }) => headers["sched-attempt"]);
    // What was interrupted may have left or not; nothing leaves twice as the same attempt.
    expect(numbers).toContain(String(attempt_count));
    expect(new Set(numbers).size).toBe(numbers.length);
  }
  const ids = new Set(settled.executions.map(({ id }) => id));
  for (const { headers } of target.arrivals) expect(ids).toContain(headers["idempotency-key"]);
  console.log(
    `${system.name}: ${owed.length} jobs, ${settled.executions.length} executions, ${target.arrivals.length} requests, ` +
      `${interrupted} attempts interrupted; all done ${recoveredMs} ms after the last start`,
  );
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
