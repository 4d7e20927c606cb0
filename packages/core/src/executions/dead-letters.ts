import { exampleInstant, type Output, type ParsedInput, SchedulerError } from "@org/scheduler-contract";
import { type Caller, describeCaller } from "../access/caller.ts";
import type { Action } from "../access/matrix.ts";
import { type Reach, reachOf } from "../access/reach.sql.ts";
import { signal } from "../database/signals.ts";
import type { Db, Tx } from "../database/tables.ts";
import { firstIdAt, fromPublicId, newId, toPublicId, noSuch } from "../ids.ts";
import { requireJobKey } from "../jobs/require.ts";
import { type Handlers, sessionIn } from "../operations/context.ts";
import {
  cancelReplayed,
  claimOriginals,
  countDeadLetters,
  countReplayed,
  type DeadLetterFilter,
  deleteDeadLetters,
  findKnown,
  insertReplay,
  insertReplayed,
  type ReplayRow,
} from "./dead-letters.sql.ts";
import { requireReplay } from "./require.ts";
import { readSpan } from "./span.ts";

type Names = "replay_executions" | "purge_executions" | "get_replay" | "cancel_replay";

/** Counting takes long where there is much to count. */
const mostCounted = 100_000;
const purgeStep = 500;
/** Nobody else has the embedded database meanwhile; what is left is told, and purged by the next request. */
const purgeMs = 1000;

export const deadLetterOperations: Handlers<Names> = {
  async replay_executions({ tx, caller, now, dryRun }, input) {
    assertUnbounded(caller);
    const filter = { ...(await readFilter(tx, caller, input, "trigger")), unreplayed: true };
    const { matched, matched_capped } = await count(tx, caller, filter);
    const { per_second } = input;
    const counted = { matched, matched_capped, per_second };
    if (dryRun) {
      return { id: null, dry_run: true, ...counted, replayed: 0, remaining: matched, finishes_at: null };
    }
    const originals = await claimOriginals(tx, caller.scopeId, { filter, limit: input.limit }, now);
    const replayed = originals.length;
    const remaining = Math.max(0, matched - replayed);
    if (replayed === 0) return { id: null, ...counted, replayed, remaining, finishes_at: null };
    const replays = originals.map((original, index) => {
      return { id: newId(now), original, dueAt: later(now, (index * 1000) / per_second) };
    });
    const replayId = newId(now);
    const lastDueAt = replays.at(-1)!.dueAt;
    await insertReplay(tx, {
      scope_id: caller.scopeId,
      id: replayId,
      total: replayed,
      per_second,
      last_due_at: lastDueAt,
      created_by: describeCaller(caller),
      created_at: now,
      canceled_at: null,
    });
    await insertReplayed(tx, { scopeId: caller.scopeId, replayId }, replays, now);
    await signal(tx, "due");
    const id = toPublicId("rpl", replayId);
    return { id, ...counted, replayed, remaining, finishes_at: lastDueAt.toISOString() };
  },

  async purge_executions({ tx, caller, dryRun }, input) {
    const filter = { ...(await readFilter(tx, caller, input, "delete")), unreplayed: false };
    const { matched, matched_capped } = await count(tx, caller, filter);
    if (dryRun) return { dry_run: true, matched, matched_capped, purged: 0, remaining: matched };
    let purged = 0;
    const until = performance.now() + purgeMs;
    while (purged < input.limit && performance.now() < until) {
      const limit = Math.min(purgeStep, input.limit - purged);
      const gone = await deleteDeadLetters(tx, caller.scopeId, { filter, limit });
      purged += gone;
      if (gone < limit) break;
    }
    return { matched, matched_capped, purged, remaining: Math.max(0, matched - purged) };
  },

  async get_replay({ db, caller, now }, input) {
    return toReplay(db, await requireReplay(db, caller, input.replay_id), await now());
  },

  async cancel_replay(context, input) {
    const { tx, caller, now } = context;
    const replay = await requireReplay(tx, caller, input.replay_id);
    await cancelReplayed(sessionIn(context), replay);
    return toReplay(tx, await requireReplay(tx, caller, input.replay_id), now);
  },
};

/** Many at once are more than a bound of one at a time can be held against. */
function assertUnbounded({ bounds }: Caller): void {
  if (!bounds) return;
  throw new SchedulerError("bound_exceeded", "A key that has bounds replays executions one by one.", {
    hint: "Use replay_execution for each, or a key without bounds.",
  });
}

async function readFilter(
  tx: Tx,
  caller: Caller,
  input: ParsedInput<"purge_executions">,
  action: Action,
): Promise<Omit<DeadLetterFilter, "unreplayed">> {
  const { job_id, queue, error_code: errorCode, error_contains: errorContains, host, execution_ids } = input;
  const { from, to } = readSpan(input);
  const given = [job_id, queue, errorCode, errorContains, host, from, to, execution_ids, input.all];
  if (given.every((value) => value === undefined)) {
    throw new SchedulerError("invalid_input", "Nothing says which executions are meant.", {
      field: "all",
      hint: `Narrow them down, such as {"queue": "webhooks", "from": "${exampleInstant()}"}, or send {"all": true}.`,
    });
  }
  const reach = reachOf(caller, action);
  return {
    reach,
    jobId: job_id === undefined ? undefined : await requireJobKey(tx, caller, job_id, action),
    queue,
    errorCode,
    errorContains,
    host,
    status: input.status,
    ids: execution_ids && (await readExecutionIds(tx, reach, execution_ids)),
    fromId: from && firstIdAt(from),
    beforeId: to && firstIdAt(to),
  };
}

/** Throws `not_found` where one of them is none of the caller's. */
async function readExecutionIds(tx: Tx, reach: Reach, ids: string[]): Promise<string[]> {
  const uuids = ids.map((id) => fromPublicId("exec", id));
  const known = await findKnown(
    tx,
    reach,
    uuids.filter((uuid) => uuid !== undefined),
  );
  return uuids.map((uuid, index) => {
    if (uuid === undefined || !known.has(uuid)) throw noSuchExecution(ids[index]!);
    return uuid;
  });
}

function noSuchExecution(id: string): SchedulerError {
  return noSuch("execution", id, {
    prefix: "exec",
    field: "execution_ids",
    shown: "list_executions shows yours",
  });
}

async function count(
  tx: Tx,
  caller: Caller,
  filter: DeadLetterFilter,
): Promise<{ matched: number; matched_capped: boolean }> {
  const found = await countDeadLetters(tx, caller.scopeId, filter, mostCounted + 1);
  return { matched: Math.min(found, mostCounted), matched_capped: found > mostCounted };
}

async function toReplay(db: Db | Tx, row: ReplayRow, now: Date): Promise<Output<"get_replay">> {
  const counts = await countReplayed(db, row.id);
  const executions = {
    pending: counts.get("pending") ?? 0,
    running: counts.get("running") ?? 0,
    retrying: counts.get("retrying") ?? 0,
    succeeded: counts.get("succeeded") ?? 0,
    failed: counts.get("failed") ?? 0,
    expired: counts.get("expired") ?? 0,
    canceled: counts.get("canceled") ?? 0,
  };
  const open = executions.pending + executions.running + executions.retrying;
  // Old ones may have been taken away by retention; what is gone was over.
  const done = row.total - open;
  const rest = later(now, (executions.pending * 1000) / row.per_second);
  const last = row.last_due_at ?? now;
  return {
    id: toPublicId("rpl", row.id),
    state: row.canceled_at ? "canceled" : open === 0 ? "completed" : "active",
    total: row.total,
    done,
    percent: row.total === 0 ? 100 : Math.floor((done * 1000) / row.total) / 10,
    executions,
    per_second: row.per_second,
    finishes_at: open === 0 ? null : (last > now ? last : rest).toISOString(),
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    canceled_at: row.canceled_at?.toISOString() ?? null,
  };
}

function later(at: Date, ms: number): Date {
  return new Date(at.getTime() + Math.floor(ms));
}
