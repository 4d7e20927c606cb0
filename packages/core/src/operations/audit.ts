import { createHash } from "node:crypto";
import {
  type ErrorCode,
  errorCodes,
  type Operation,
  type RequestContext,
  SchedulerError,
} from "@org/scheduler-contract";
import { withoutSecrets } from "../access/policy/arguments.ts";
import { canonicalJson } from "../canonical-json.ts";
import { type Caller, describeCaller } from "../access/caller.ts";
import { isAway } from "../database/away.ts";
import type { Db } from "../database/tables.ts";
import { newId, sameId } from "../ids.ts";
import { type Log, reasonOf } from "../log.ts";
import { countedTogetherMs } from "../kept.ts";
import { insertDone, upsertFailure } from "./audit.sql.ts";
import type { WriteContext } from "./context.ts";

/** Records who changed what, in the transaction of the change itself: neither is there without the other. */
export async function recordDone({ tx, now }: WriteContext, change: Change, output: unknown): Promise<void> {
  const target = idOf(output) ?? targetOf(change.operation, change.input);
  await insertDone(tx, { ...entryOf(change, target), id: newId(now), at: now });
}

interface Recorder {
  db: Db;
  now(): Promise<Date>;
  log: Log;
}

/** A call, as the audit knows it. */
export interface Change {
  caller: Caller;
  operation: Operation;
  input: unknown;
  dryRun: boolean;
  request: Pick<RequestContext, "via" | "requestId" | "face">;
}

/**
 * Carries out a change. Where it is refused or fails, that is recorded by itself, since nothing else of it remains. What
 * cannot be recorded is logged: the caller hears of the first error, not of this one.
 */
export async function recordingFailures<Answer>(
  { db, now, log }: Recorder,
  change: Change,
  work: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    const errorCode = change.dryRun ? undefined : recordedCode(error);
    if (errorCode !== undefined) {
      const rule = error instanceof SchedulerError ? error.rule : undefined;
      await recordFailure({ db, now }, change, { errorCode, rule }).catch((reason: unknown) =>
        log.warn({ operation: change.operation.name, reason: reasonOf(reason) }, "failure not audited"),
      );
    }
    throw error;
  }
}

async function recordFailure(
  { db, now }: Pick<Recorder, "db" | "now">,
  change: Change,
  { errorCode, rule }: { errorCode: ErrorCode; rule: string | undefined },
): Promise<void> {
  const { caller, operation, input } = change;
  const at = await now();
  const who = caller.tokenId ?? caller.userId;
  const since = new Date(at.getTime() - (at.getTime() % countedTogetherMs));
  await upsertFailure(db, {
    ...entryOf(change, targetOf(operation, input)),
    id: sameId(since, `${caller.scopeId} ${who} ${operation.name} ${errorCode} ${rule ?? ""}`),
    at,
    rule: rule ?? null,
    outcome: errorCodes[errorCode].status === 403 ? "refused" : "failed",
    error_code: errorCode,
  });
}

/** Input that does not fit tells nothing of anybody, and a database that is away takes no row either. */
function recordedCode(error: unknown): ErrorCode | undefined {
  if (isAway(error)) return undefined;
  if (!(error instanceof SchedulerError)) return "internal";
  const { code } = error;
  return code === "unavailable" || errorCodes[code].status === 422 ? undefined : code;
}

function entryOf({ caller, operation, input, request }: Change, target: string | null) {
  const { via = "library", requestId, face } = request;
  return {
    scope_id: caller.scopeId,
    caller: describeCaller(caller),
    token_id: caller.tokenId,
    operation: operation.name,
    target,
    face: face?.dialect ?? via,
    tool: face?.tool ?? null,
    rule: null as string | null,
    arguments_hash: hashOf(input),
    request_id: requestId ?? null,
  };
}

/** Tells equal arguments from others, and nothing of credentials: a short one could be guessed by its hash. */
function hashOf(input: unknown): Buffer {
  return createHash("sha256")
    .update(canonicalJson(withoutSecrets(input ?? {})))
    .digest();
}

/** The id of what an operation answered with. */
function idOf(output: unknown): string | null {
  const id = (output as { id?: unknown } | null)?.id;
  return typeof id === "string" ? id : null;
}

/** The id that an operation was asked about. What does not look like one may be anything, a secret too. */
function targetOf({ http }: Operation, input: unknown): string | null {
  const [, field = ""] = /\{(\w+_id)\}/.exec(http.path) ?? [];
  const id = (input as Record<string, unknown> | null | undefined)?.[field];
  return typeof id === "string" && /^[a-z]+_[0-9a-z]{26}$/.test(id) ? id : null;
}
