import { isDeepStrictEqual } from "node:util";
import { SchedulerError } from "@org/scheduler-contract";
import type { WriteContext } from "../operations/context.ts";
import { applyChange, type Change, changeOf } from "./change.ts";
import { type Addressed, addressed } from "./addressed.ts";
import { insertNewJobs, type Entry } from "./create.ts";
import { inBatch } from "./in-batch.ts";
import { findJobs, type JobRow } from "./jobs.sql.ts";
import { findTombstones, freeKeys, lockJobsByKey, type Tombstone } from "./keys.sql.ts";
import { reachOf } from "../access/reach.sql.ts";
import { defaultQueue } from "../queues/queue.ts";
import { addQueues } from "../queues/queues.sql.ts";
import { assertTargets } from "./targets.ts";
import { assertKind, declaredTiming, readTiming, retime, type Timing } from "./timing.ts";
import { withinBounds } from "./within-bounds.ts";
import { keyDeleted } from "./tombstone.ts";
import { type Declaration, defaultsFor, difference, wanted } from "./wanted.ts";

export interface Declared {
  job: JobRow;
  isNew: boolean;
}

/**
 * Makes jobs be there as declared, all of them or none: those without a key are new, the others are created, or changed
 * where there is one of that key. Answers them in their order. Throws `key_deleted`.
 */
export async function declareJobs(context: WriteContext, inputs: Declaration[]): Promise<Declared[]> {
  const targets = await addressed(context, inputs);
  const ordered = targets.map((input, index) => ({ input, index, alone: inputs.length === 1 }));
  assertKeys(ordered);
  for (const each of ordered) inBatch(each, () => assertTargets(each.input, context.allowedTargets));
  // Before any job is locked, and in one order: whoever makes a queue while another holds its jobs could wait for ever.
  const { tx, caller } = context;
  await addQueues(context, queuesOf(inputs));
  const ids = new Map<number, string>();
  const changed = new Set<number>();
  for (let left: Entry[] = ordered; left.length > 0; left = left.filter(({ index }) => !ids.has(index))) {
    // What somebody else creates meanwhile is left out, and there to be found in the next round.
    for (const [index, id] of await declareOnce(context, left, changed)) ids.set(index, id);
  }
  const stored = await findJobs(tx, { scopeId: caller.scopeId }, [...ids.values()]);
  const byId = new Map(stored.map((row) => [row.id, row]));
  return inputs.map((_, index) => ({ job: byId.get(ids.get(index)!)!, isNew: !changed.has(index) }));
}

/** Notes in `changed` which jobs were there. */
async function declareOnce(
  context: WriteContext,
  ordered: Entry[],
  changed: Set<number>,
): Promise<Map<number, string>> {
  const known = await findByKey(context, ordered);
  const ids = new Map<number, string>();
  const fresh: Entry[] = [];
  for (const each of ordered) {
    const job = inBatch(each, () => jobToChange(each.input, known));
    if (!job) {
      fresh.push(each);
      continue;
    }
    ids.set(each.index, job.id);
    changed.add(each.index);
    const change = inBatch(each, () => changeDeclared(job, each.input, context));
    if (change) await applyChange(context, job, change);
  }
  if (fresh.length === 0) return ids;
  const revived = keysOf(fresh).filter((key) => known.tombstones.has(key));
  if (revived.length > 0) await freeKeys(context.tx, context.caller.scopeId, revived);
  return new Map([...ids, ...(await insertNewJobs(context, fresh))]);
}

interface Known {
  jobs: Map<string, JobRow>;
  tombstones: Map<string, Tombstone>;
}

async function findByKey({ tx, caller }: WriteContext, ordered: Entry[]): Promise<Known> {
  const keys = keysOf(ordered);
  if (keys.length === 0) return { jobs: new Map(), tombstones: new Map() };
  const jobs = await lockJobsByKey(tx, caller.scopeId, keys);
  const own = await findJobs(
    tx,
    reachOf(caller, "update"),
    [...jobs.values()].map(({ id }) => id),
  );
  const taken = [...jobs.values()].find((job) => !own.some(({ id }) => id === job.id));
  if (taken) throw keyTaken(taken.key!);
  // Only now: a job that was waited for may have been deleted by whoever held it.
  return { jobs, tombstones: await findTombstones(tx, caller.scopeId, keys) };
}

/** The job that a declaration is about; undefined where there is to be a new one. Throws `key_deleted`. */
function jobToChange({ key, revive }: Addressed, { jobs, tombstones }: Known): JobRow | undefined {
  if (key === undefined) return undefined;
  const tombstone = tombstones.get(key);
  if (!tombstone) return jobs.get(key);
  if (!revive) throw keyDeleted(tombstone);
  return undefined;
}

/** What changes in a job; undefined where it is as declared. */
function changeDeclared(job: JobRow, input: Addressed, context: WriteContext): Change | undefined {
  const { now, cipher } = context;
  if ((job.message === null) !== (input.message === null)) throw otherTarget(job);
  // It stays whose it is.
  const base = { ...defaultsFor(input), agent: job.agent, ...timingOf(job, input, now) };
  const said = { ...input, agent: input.message === null ? undefined : input.agent };
  const row = wanted(said, base, { owner: job, cipher, before: job });
  // Nobody declares the end that a bound has set.
  const kept = job.ends_by_bound && input.end_at === undefined ? { ...row, end_at: job.end_at } : row;
  const bounded = withinBounds(context, kept, { saysEnd: input.end_at !== undefined });
  const differing = difference(job, bounded);
  if (Object.keys(differing).length === 0) return undefined;
  const { columns, revision } = changeOf(job, differing, { anew: false, now });
  return { columns: { ...columns, declared: declaredTiming(input) }, revision };
}

/** The timing that is declared: the job's own where the declaration says again what it said before. */
function timingOf(job: JobRow, input: Addressed, now: Date): Timing {
  if (!isDeepStrictEqual(declaredTiming(input), job.declared))
    return retime(job, readTiming(input, input.timezone, now));
  const { kind, cron, every_n_minutes, run_at } = job;
  assertKind(input, kind);
  return { kind, cron, every_n_minutes, run_at };
}

/** The queues that jobs name, or that they have where they name none. */
function queuesOf(inputs: Declaration[]): string[] {
  return inputs.map(({ queue }) => queue ?? defaultQueue);
}

function keysOf(ordered: Entry[]): string[] {
  return ordered.flatMap(({ input }) => input.key ?? []);
}

/** One batch cannot declare a job twice, and only a key can be revived. */
function assertKeys(ordered: Entry[]): void {
  const seen = new Map<string, number>();
  for (const each of ordered) {
    const { key, revive } = each.input;
    inBatch(each, () => {
      if (key === undefined && revive) throw nothingToRevive();
      const first = key === undefined ? undefined : seen.get(key);
      if (first !== undefined) throw declaredTwice(key!, first);
    });
    if (key !== undefined) seen.set(key, each.index);
  }
}

/** A key is one job's in the whole half of the workspace, also of those that its caller does not see. */
function keyTaken(key: string): SchedulerError {
  return new SchedulerError("conflict", `The key "${key}" is taken.`, {
    field: "key",
    hint: `Give the job another key, such as "${key}-2".`,
  });
}

function otherTarget({ key, message }: JobRow): SchedulerError {
  const [is, wanted] = message === null ? ["a URL", "an agent"] : ["an agent", "a URL"];
  return new SchedulerError("conflict", `The job with the key "${key}" is sent to ${is}, not to ${wanted}.`, {
    field: "key",
    hint: "Delete it first, or give another key.",
  });
}

function nothingToRevive(): SchedulerError {
  return new SchedulerError("invalid_input", '"revive" needs the key of the job that was deleted.', {
    field: "revive",
    hint: 'Leave it out, or add the key, such as {"key": "nightly-report", "revive": true}.',
  });
}

function declaredTwice(key: string, first: number): SchedulerError {
  return new SchedulerError("invalid_input", `job ${first} has the key "${key}", too.`, {
    field: "key",
    hint: "Give each job of a batch a key of its own, or none.",
  });
}
