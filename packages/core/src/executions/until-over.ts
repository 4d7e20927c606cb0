import { setTimeout as sleep } from "node:timers/promises";
import type { Db } from "../database/tables.ts";
import { findOver } from "./executions.sql.ts";

interface Waiter {
  id: string;
  since: number;
  tell(): void;
}

interface Lookout {
  waiters: Set<Waiter>;
  looking: boolean;
}

/** Those who wait in this process look together: one statement for all of them, however many they are. */
const lookouts = new WeakMap<Db, Lookout>();

const firstLookMs = 20;
const lastLookMs = 500;

/**
 * Waits until an execution is over, or may be: it is told too where looking failed. At most `ms` milliseconds, and no longer
 * than until the signal is aborted.
 */
export async function untilOver(db: Db, id: string, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  let lookout = lookouts.get(db);
  if (!lookout) lookouts.set(db, (lookout = { waiters: new Set(), looking: false }));
  const { waiters } = lookout;
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiter = { id, since: performance.now(), tell: resolve };
  waiters.add(waiter);
  if (!lookout.looking) void lookOut(db, lookout);
  const leave = (): void => resolve();
  const timeUp = setTimeout(leave, ms);
  signal?.addEventListener("abort", leave);
  await promise;
  clearTimeout(timeUp);
  signal?.removeEventListener("abort", leave);
  waiters.delete(waiter);
}

/** Looks the more often the shorter the latest of them has waited: most are over soon. */
async function lookOut(db: Db, lookout: Lookout): Promise<void> {
  const { waiters } = lookout;
  lookout.looking = true;
  while (waiters.size > 0) {
    const latest = Math.max(...[...waiters].map(({ since }) => since));
    await sleep(Math.min(Math.max(firstLookMs, (performance.now() - latest) / 2), lastLookMs));
    const asked = [...waiters];
    const over = await findOver(db, [...new Set(asked.map(({ id }) => id))]).catch(() => undefined);
    for (const waiter of asked) if (!over || over.has(waiter.id)) waiter.tell();
    // Who was told leaves before the next look.
    await Promise.resolve();
  }
  lookout.looking = false;
}
