import { didYouMean, type Execute } from "@org/scheduler-contract";
import type { Answer } from "./present.ts";
import type { Tool } from "./tools.ts";

/** How long whoever cancels waits to hear that it is done: a worker hears of it within moments. */
const cancelSeconds = 2;

/** What an answer lacks that its caller would ask for next. */
export async function afterCall({ name }: Tool, output: Answer, execute: Execute): Promise<Answer> {
  if (name === "cancel_execution" && output["canceling"] === true) {
    const execution_id = output["id"] as string;
    return execute("get_execution", { execution_id, wait_seconds: cancelSeconds });
  }
  if (name === "create_job" && output["dry_run"] === true && !(await isThere(output, execute))) {
    // What was only tried has none.
    const { id: _, number: _number, ...tried } = output;
    return tried;
  }
  return output;
}

/** Whether a job that was tried is one that has its key already. */
async function isThere({ key }: Answer, execute: Execute): Promise<boolean> {
  return typeof key === "string" && (await execute("list_jobs", { key })).data.length > 0;
}

/** Says where a queue was named that may be a misspelt one: it would be made, or be found empty, without a word. */
export async function noteOnQueue(
  { name, isPage }: Tool,
  input: Answer,
  output: Answer,
  execute: Execute,
): Promise<string | undefined> {
  const isNew = name === "update_queue" && output["created"] === true;
  const isEmpty = isPage && input["cursor"] === undefined && (output["data"] as unknown[]).length === 0;
  const queue = isNew ? input["name"] : isEmpty ? input["queue"] : undefined;
  if (typeof queue !== "string") return undefined;
  const { data } = await execute("list_queues", { limit: 100 });
  const names = data.map((each) => each.name);
  if (isEmpty && names.includes(queue)) return undefined;
  const others = names.filter((each) => each !== queue);
  const meant = didYouMean(queue, others);
  const what = isNew ? `queue ${queue} is new` : `there is no queue ${queue}`;
  return meant === undefined ? what : `${what}; did you mean ${meant}?`;
}
