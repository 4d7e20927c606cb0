import type { Tuning, Work } from "../peers/contender.ts";
import { type Child, startChild } from "./child.ts";
import type { BenchDatabase } from "./database.ts";
import type { Stage } from "./stage.ts";
import { pathOf } from "./statistics.ts";
import { storeJobs, vacuum } from "./store-jobs.ts";

/** Those that compete, in the order of their turns. */
const sides = ["ours", "pg-boss", "graphile-worker", "bullmq"] as const;
export type Side = (typeof sides)[number];

export function sidesOn({ redis }: Stage): Side[] {
  return sides.filter((side) => side !== "bullmq" || redis !== undefined);
}

/** Says who is missing, for the table. */
export function missingOn({ redis }: Stage): string[] {
  return redis ? [] : ["BullMQ is left out: there is no redis-server on this machine."];
}

/** A side that has its process and its fresh database, and does nothing yet. */
export interface Entry extends AsyncDisposable {
  database: BenchDatabase;
  store(work: Work): Promise<void>;
  start(): Promise<void>;
}

const slots = 100;

export function enter(stage: Stage, side: Side, tunedFor: Tuning): Promise<Entry> {
  return side === "ours" ? enterOurs(stage) : enterPeer(stage, side, tunedFor);
}

async function enterPeer(stage: Stage, side: Exclude<Side, "ours">, tunedFor: Tuning): Promise<Entry> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await stage.databases.create("empty"));
  const settings = { slots, tunedFor, databaseUrl: database.url, redisUrl: stage.redis?.url };
  const child: Child<typeof side> = stack.use(await startChild(side, settings));
  const entered = stack.move();
  return {
    database,
    store: (work) => child.call("store", work),
    start: () => child.call("start"),
    [Symbol.asyncDispose]: () => entered.disposeAsync(),
  };
}

export interface OurEntry extends Entry {
  child: Child<"ours">;
}

/** Our side, in more detail. */
export async function enterOurs(stage: Stage, options: OurOptions = {}): Promise<OurEntry> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await stage.databases.create("ours"));
  const child = stack.use(await startOurs(database, options));
  const entered = stack.move();
  return {
    database,
    child,
    async store(work) {
      await storeWork(database, work);
      await vacuum(database.client);
    },
    start: () => child.call("start"),
    [Symbol.asyncDispose]: () => entered.disposeAsync(),
  };
}

interface OurOptions {
  slots?: number;
  /** Notes how long each statement takes. */
  watch?: boolean;
}

/** One more process of ours on a database. */
export function startOurs(
  database: BenchDatabase,
  { slots: ownSlots = slots, watch = false }: OurOptions = {},
): Promise<Child<"ours">> {
  return startChild("ours", { databaseUrl: database.url, slots: ownSlots, tunedFor: "throughput", watch });
}

export async function storeWork({ client }: BenchDatabase, { url, count, dueAt }: Work): Promise<void> {
  const at = Date.now();
  const jobs = Array.from({ length: count }, (_, index) => ({
    url: url + pathOf(dueAt?.[index] ?? 0, index),
    dueAt: dueAt?.[index] ?? at,
  }));
  await storeJobs(client, jobs);
}
