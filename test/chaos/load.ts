import type { Client } from "@org/scheduler-client";
import type { Target } from "@org/scheduler-core/testing";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { expectAllDone, graceMs, type Owed, type Reckoning } from "../oracle.ts";

/** How long before the first job of a load is due it must be on its way: creating it may take seconds. */
export const leadMs = 4000;

/** Jobs that become due over a stretch of time. */
export interface Load {
  /** When the first of them is due, in epoch ms. */
  from: number;
  seconds: number;
  perSecond: number;
}

type NewJob = Parameters<Client["createJobs"]>[0]["jobs"][number];

/** What one request may create. */
const batchSize = 1000;

interface Planned {
  job: NewJob;
  slots: string[];
}

/** One-shot jobs, and among them repeating ones; all at once, since the first is due soon. */
export function createLoad(client: Client, url: string, load: Load): Promise<Owed[]> {
  return createAll(client, [...repeating(url, load), ...oneShots(url, load)]);
}

/** One-shot jobs at even steps. */
export function oneShots(url: string, { from, seconds, perSecond }: Load): Planned[] {
  return Array.from({ length: seconds * perSecond }, (_, index) => {
    const at = toInstant(from + (index * 1000) / perSecond);
    return { job: { name: "one-shot", url, run_at: at }, slots: [at] };
  });
}

const minuteMs = 60_000;

/** Jobs that repeat every minute, staggered so that one of them is due in each second; and five crons at once. */
function repeating(url: string, { from, seconds }: Load): Planned[] {
  const end = from + seconds * 1000;
  const end_at = toInstant(end);
  const staggered = Array.from({ length: Math.min(60, seconds) }, (_, index) => {
    const first = from + index * 1000;
    const schedule = { every_n_minutes: 1, start_at: toInstant(first), end_at };
    return { job: { name: "recurring", url, ...schedule }, slots: minutes(first, end) };
  });
  const first = Math.ceil(from / minuteMs) * minuteMs;
  const cron = { name: "cron", url, cron: "* * * * *", start_at: toInstant(from), end_at };
  // A job that would never fire is refused.
  const crons =
    first > end ? [] : Array.from({ length: 5 }, () => ({ job: cron, slots: minutes(first, end) }));
  return [...staggered, ...crons];
}

function minutes(first: number, end: number): string[] {
  const count = Math.floor((end - first) / minuteMs) + 1;
  return Array.from({ length: count }, (_, index) => toInstant(first + index * minuteMs));
}

export async function createAll(client: Client, jobs: Planned[]): Promise<Owed[]> {
  const owed: Owed[] = [];
  for (let done = 0; done < jobs.length; done += batchSize) {
    const batch = jobs.slice(done, done + batchSize);
    const { data } = await client.createJobs({ jobs: batch.map(({ job }) => job) });
    owed.push(...data.map(({ id }, index) => ({ id, slots: batch[index]!.slots })));
  }
  return owed;
}

export function toInstant(at: number): string {
  return new Date(at).toISOString();
}

/** The last of all slots, in epoch ms. */
export function endOf(owed: Owed[]): number {
  return owed.reduce((latest, { slots }) => Math.max(latest, Date.parse(slots.at(-1)!)), 0);
}

/** Waits for the end of a load, then until all of it is done. */
export async function expectLoadDone(client: Client, owed: Owed[], target: Target): Promise<Reckoning> {
  await sleep(Math.max(0, endOf(owed) + graceMs - Date.now()));
  const reckoning = await expectAllDone(client, owed, target, 120_000);
  expect(reckoning.executions.length).toBe(owed.flatMap(({ slots }) => slots).length);
  return reckoning;
}
