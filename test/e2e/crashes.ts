import type { Client } from "@org/scheduler-client";
import type { Target } from "@org/scheduler-core/testing";
import { setTimeout as sleep } from "node:timers/promises";
import { allPages, expectAllDone as expectAllOwedDone, type Owed } from "../oracle.ts";
import { seededRandom } from "../seeded-random.ts";

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

/** The jobs that were acknowledged, and the names of those whose creation had no answer: they may be there or not. */
interface Made {
  owed: Owed[];
  unanswered: Set<string>;
}

/** Crashes a system in the middle of its work, again and again; answers what it owes. */
export async function crashRepeatedly(
  system: System,
  { target, seed, rounds }: { target: Target; seed: number; rounds: number },
): Promise<Made> {
  const random = seededRandom(seed);
  // Slow enough that a crash finds requests under way.
  target.answer((_, response) => void setTimeout(() => response.end("ok"), 50 + Math.random() * 600));
  const made: Made = { owed: await createRepeating(system.client(), target), unanswered: new Set() };
  for (let round = 1; round <= rounds; round++) {
    const momentMs = 200 + random() * 1800;
    const traffic = createUntilItFails(system, { target, random: seededRandom(seed + round), made, round });
    await sleep(momentMs);
    const what = await system.crash(random, round);
    const count = await traffic;
    console.log(
      `${system.name}, seed ${seed}, round ${round}: ${count} jobs, ${what} killed after ${Math.round(momentMs)} ms`,
    );
  }
  return made;
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
  {
    target,
    random,
    made: { owed, unanswered },
    round,
  }: { target: Target; random: () => number; made: Made; round: number },
): Promise<number> {
  for (let count = 0; count < jobsPerRound; count++) {
    const when = `${1 + Math.floor(random() * 5)}s`;
    const job = { name: `${round}-${count}`, url: `${target.url}/${round}-${count}`, when };
    const created = await system.create(job).catch(() => undefined);
    if (created === undefined) {
      unanswered.add(job.name);
      return count;
    }
    owed.push({ id: created.id, slots: [created.next_run_at] });
    await sleep(random() * 100);
  }
  return jobsPerRound;
}

/** Nothing was lost, nothing hangs, and what was sent twice can be told by its key. */
export async function expectAllDone(
  system: System,
  { owed, unanswered }: Made,
  target: Target,
): Promise<void> {
  // What was stored before the crash is there, whether its answer came or not.
  const known = new Set(owed.map(({ id }) => id));
  const jobs = await allPages((cursor) => system.client().listJobs({ limit: 100, ...cursor }));
  const stored = jobs.filter(({ id, name }) => !known.has(id) && unanswered.has(name));
  owed.push(...stored.map(({ id, run_at }) => ({ id, slots: [run_at!] })));
  const { executions, interrupted, waitedMs } = await expectAllOwedDone(system.client(), owed, target);
  console.log(
    `${system.name}: ${owed.length} jobs, ${executions.length} executions, ${target.arrivals.length} requests, ` +
      `${interrupted} attempts interrupted; all done ${waitedMs} ms after the last start`,
  );
}
