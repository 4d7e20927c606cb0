import type { Output, ParsedInput } from "@org/scheduler-contract";
import { signal } from "../database/signals.ts";
import { fullRetry } from "../time/retry.ts";
import type { Handlers, WriteContext } from "../operations/context.ts";
import { readCursor, toPage } from "../operations/page.ts";
import { retimeGathered } from "../rules/gather.ts";
import { toQueue } from "./queue.ts";
import {
  addQueues,
  changeQueue,
  countRunning,
  findQueue,
  listQueues,
  lockQueue,
  type QueueChange,
} from "./queues.sql.ts";

type Names = "list_queues" | "update_queue" | "pause_queue" | "resume_queue";

export const queueOperations: Handlers<Names> = {
  async list_queues({ db, caller }, { limit, cursor }) {
    const rows = await listQueues(db, caller.scopeId, { before: readCursor("queue", cursor), limit });
    return toPage(rows, { limit, prefix: "queue", view: toQueue });
  },

  async update_queue(context, { name, ...input }) {
    const created = (await findQueue(context.tx, context.caller.scopeId, name)) === undefined;
    return { ...(await change(context, name, readChange(input))), created };
  },
  pause_queue: (context, { name }) => change(context, name, { paused: true }),
  resume_queue: (context, { name }) => change(context, name, { paused: false }),
};

function readChange(input: Omit<ParsedInput<"update_queue">, "name">): QueueChange {
  const { concurrency, rate_limit, paused, timeout_seconds, retry, priority, muted_until } = input;
  const change: QueueChange = {};
  if (concurrency !== undefined) change.concurrency = concurrency;
  if (rate_limit !== undefined) {
    change.rate_max = rate_limit?.max ?? null;
    change.rate_period_seconds = rate_limit?.period_seconds ?? null;
  }
  if (paused !== undefined) change.paused = paused;
  if (timeout_seconds !== undefined) change.timeout_seconds = timeout_seconds;
  if (retry !== undefined) change.retry = retry === null ? null : JSON.stringify(fullRetry(retry));
  if (priority !== undefined) change.priority = priority ?? 0;
  if (muted_until !== undefined) change.muted_until = muted_until === null ? null : new Date(muted_until);
  return change;
}

async function change(
  context: WriteContext,
  name: string,
  fields: QueueChange,
): Promise<Output<"pause_queue">> {
  const { tx, now } = context;
  const { scopeId } = context.caller;
  await addQueues(context, [name]);
  const before = (await lockQueue(tx, scopeId, name))!;
  await changeQueue(tx, scopeId, name, { ...fields, updated_at: now });
  if (!before.has_line) await countRunning(tx, scopeId, name);
  if (fields.muted_until !== undefined) await retimeGathered(context, { queue: name }, fields.muted_until);
  // Somebody who waits may go on now.
  await signal(tx, "due");
  return toQueue((await findQueue(tx, scopeId, name))!);
}
