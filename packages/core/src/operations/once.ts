import { createHash } from "node:crypto";
import { SchedulerError } from "@org/scheduler-contract";
import { canonicalJson } from "../canonical-json.ts";
import type { WriteContext } from "./context.ts";
import { kept } from "../kept.ts";
import { findAnswer, lockKey, storeAnswer } from "./answers.sql.ts";

interface Request {
  /** Without one there is no telling it from others. */
  key: string | undefined;
  operation: string;
  /** As checked, so that a default that is written out makes no difference. */
  input: object;
  onReplayed: (() => void) | undefined;
}

/**
 * Does what a request asks, or answers as before where its key has been answered already. The answer is stored with
 * the change itself: neither is there without the other, and a request that fails leaves its key unused. Throws
 * `idempotency_key_reuse` and `idempotency_in_progress`.
 */
export async function once<Answer>(
  { tx, caller, now, dryRun }: WriteContext,
  { key: name, operation, input, onReplayed }: Request,
  work: () => Promise<Answer>,
): Promise<Answer> {
  if (name === undefined || dryRun) return work();
  const key = { scopeId: caller.scopeId, agent: caller.agent ?? "", key: name };
  if (!(await lockKey(tx, key))) throw inProgress();
  const fingerprint = fingerprintOf(operation, input);
  // A statement of its own: what the last holder of the lock committed is not in the snapshot that asked for the lock.
  const stored = await findAnswer(tx, key, new Date(now.getTime() - kept.answersMs));
  if (stored) {
    if (stored.fingerprint !== fingerprint) throw reused(stored.operation, operation);
    onReplayed?.();
    return stored.answer as Answer;
  }
  const answer = await work();
  await storeAnswer(tx, key, { operation, fingerprint, answer }, now);
  return answer;
}

function fingerprintOf(operation: string, input: object): string {
  return createHash("sha256")
    .update(`${operation} ${canonicalJson(input)}`)
    .digest("hex");
}

function inProgress(): SchedulerError {
  return new SchedulerError("idempotency_in_progress", "A request with this idempotency key is under way.", {
    field: "idempotency_key",
    hint: "Send the same request again in a second: it is answered as soon as the first one is.",
    retryAfterSeconds: 1,
  });
}

function reused(before: string, now: string): SchedulerError {
  const what = before === now ? `${now} with another input` : before;
  return new SchedulerError("idempotency_key_reuse", `This idempotency key was used for ${what}.`, {
    field: "idempotency_key",
    hint: "Give each new request a key of its own, such as a new UUID; only a repeated one keeps its key and its input.",
  });
}
