import { describeCaller } from "../access/caller.ts";
import { signal } from "../database/signals.ts";
import type { Tx } from "../database/tables.ts";
import { newIds } from "../ids.ts";
import type { WriteContext } from "../operations/context.ts";
import type { Addressed } from "./addressed.ts";
import { inBatch, type Place } from "./in-batch.ts";
import { insertJobs, insertRevisions, insertTrialJob } from "./jobs.sql.ts";
import { newRevision, splitRow } from "./revision.ts";
import { firstRun, readSchedule } from "./schedule.ts";
import { assertFires, countNewJobs } from "./budget.ts";
import { type Lineage, lineageOf } from "./lineage.ts";
import { declaredTiming, saysWhen } from "./timing.ts";
import { withinBounds } from "./within-bounds.ts";
import { defaultsFor, wanted } from "./wanted.ts";

/** A job that is due this soon is told to the planner, which may be asleep; later ones it finds by itself. */
const noticeWithinMs = 5000;

/** One of the jobs that are created together. */
export interface Entry extends Place {
  input: Addressed;
}

/**
 * Stores new jobs, however many, in the same few statements; answers their ids by their places. One whose key somebody
 * else has taken meanwhile is left out.
 */
export async function insertNewJobs(context: WriteContext, ordered: Entry[]): Promise<Map<number, string>> {
  const { tx, now } = context;
  const isDueNow = ({ input }: Entry): boolean => !input.draft && !saysWhen(input);
  await assertFires(context, ordered.filter(isDueNow).length);
  const lineage = await lineagesOf(context, ordered);
  const newest = newIds(now, ordered.length);
  const prepared = ordered.map((each, place) => {
    const id = newest[place]!;
    return {
      index: each.index,
      ...inBatch(each, () =>
        prepareJob(context, { id, input: each.input, lineage: lineage.get(each.input.parent_execution_id)! }),
      ),
    };
  });
  const rows = inOrderOfKeys(prepared.map(({ job }) => job));
  const stored = new Set(await (context.dryRun ? insertTrialJob(tx, rows[0]!) : insertJobs(tx, rows)));
  await countNewJobs(context, stored.size);
  const kept = prepared.filter(({ job }) => stored.has(job.id));
  if (kept.length === 0) return new Map();
  await insertRevisions(
    tx,
    kept.map(({ revision }) => revision),
  );
  const nearest = Math.min(...kept.map(({ job }) => job.next_run_at?.getTime() ?? Infinity));
  await noticeIfNear(tx, nearest === Infinity ? null : new Date(nearest), now);
  return new Map(kept.map(({ index, job }) => [index, job.id]));
}

/** The lineage of each parent that is named; of those that name none, by undefined. */
async function lineagesOf(
  context: WriteContext,
  ordered: Entry[],
): Promise<Map<string | undefined, Lineage>> {
  const named = new Set(ordered.map(({ input }) => input.parent_execution_id));
  const lineages = new Map<string | undefined, Lineage>();
  for (const parent of named) lineages.set(parent, await lineageOf(context, parent));
  return lineages;
}

/** Two that store some of the same keys wait for each other at one of them only. */
function inOrderOfKeys<Row extends { key?: string | null | undefined }>(rows: Row[]): Row[] {
  if (!rows.some(({ key }) => key)) return rows;
  return rows.toSorted(({ key: one }, { key: other }) => ((one ?? "") < (other ?? "") ? -1 : 1));
}

/** Tells the planner of a run that comes sooner than it may expect. */
export async function noticeIfNear(tx: Tx, nextRunAt: Date | null, now: Date): Promise<void> {
  if (nextRunAt !== null && nextRunAt.getTime() - now.getTime() <= noticeWithinMs) await signal(tx, "due");
}

function prepareJob(
  context: WriteContext,
  { id, input, lineage }: { id: string; input: Addressed; lineage: Lineage },
) {
  const { caller, now, cipher } = context;
  const owner = { scope_id: caller.scopeId, id };
  const base = { ...defaultsFor(input), ...readSchedule(input, now) };
  const plain = wanted(input, base, { owner, cipher, before: undefined });
  const row = withinBounds(context, plain, { saysEnd: input.end_at !== undefined });
  const owned = { ...row, ...owner };
  const revision = newRevision(owned, now);
  // Also of a draft: a timing without any run is refused at once.
  const first = firstRun(owned, now);
  const job = {
    ...splitRow(owned).columns,
    revision_id: revision.id,
    key: input.key ?? null,
    declared: input.key === undefined ? null : declaredTiming(input),
    state: input.draft ? ("draft" as const) : ("active" as const),
    next_run_at: input.draft ? null : first,
    token_id: caller.tokenId,
    is_bounded: caller.bounds?.max_fires_per_day !== undefined,
    ...lineage,
    created_by: describeCaller(caller),
    created_at: now,
    updated_at: now,
  };
  return { job, revision };
}
