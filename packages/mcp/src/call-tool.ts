import type { ErrorLog } from "@org/scheduler-http";
import { type Execute, parseInput, type Problem, SchedulerError, toProblem } from "@org/scheduler-contract";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { cutArrays, cutTexts, overweight, toResult, withNote } from "./fit.ts";
import { readLeniently } from "./lenient.ts";
import { present } from "./present.ts";
import type { Answer, View } from "./present.ts";
import { afterCall, noteOnQueue } from "./after-call.ts";
import { aside, isRefusal } from "./aside.ts";
import { resolveReferences } from "./references.ts";
import { responseFormats, type Tool } from "./tools.ts";
import { cutTextsIn } from "./values.ts";

export interface CallContext {
  execute: Execute;
  /** Tells whoever waits how many seconds of how many have passed; absent where nobody wants to know. */
  progress?: (seconds: number, of: number) => Promise<void>;
  /** What an error's answer and the log have in common. */
  requestId: string;
  log?: ErrorLog;
}

interface Call {
  input: Answer;
  view: View;
  /** What of the arguments was read as something else, or may have been meant as such. */
  bent: string[];
}

/** Carries out one call of a tool. Whatever goes wrong is an `isError` result that holds the contract's problem. */
export async function callTool(tool: Tool, args: unknown, context: CallContext): Promise<CallToolResult> {
  try {
    const call = await readCall(tool, args, context.execute);
    const built = await telling(secondsOf(tool, call), context, () => answer(tool, call, context.execute));
    return toResult(call.bent.length === 0 ? built : withNote(built, call.bent.join("; ")));
  } catch (error) {
    const problem = toProblem(error, context.requestId);
    if (problem.status >= 500) {
      const { requestId, log } = context;
      log?.error({ err: error, request_id: requestId, tool: tool.name }, "tool call failed");
    }
    return toError(problem);
  }
}

/** Between two signs of life: proxies and clients give up on what is silent for a minute. */
const tellEveryMs = 5000;

function secondsOf({ reading }: Tool, { input }: Call): unknown {
  return input["wait_seconds"] ?? reading.properties?.["wait_seconds"]?.default;
}

async function telling<Result>(
  seconds: unknown,
  { progress, log, requestId }: CallContext,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!progress || typeof seconds !== "number" || seconds === 0) return work();
  const begun = performance.now();
  const timer = setInterval(() => {
    const passed = Math.round((performance.now() - begun) / 1000);
    // Whoever went away is told nothing more.
    progress(Math.min(passed, seconds), seconds).catch((error: unknown) => {
      clearInterval(timer);
      log?.error({ err: error, request_id: requestId }, "progress could not be told");
    });
  }, tellEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Only what helps whoever called: each word of an error is read by a model. */
function toError({ code, detail, hint, errors, retry_after_seconds, rule, reason }: Problem): CallToolResult {
  const told = { code, detail, hint, errors, retry_after_seconds, rule, reason };
  // An error may repeat what was sent.
  const text = JSON.stringify(cutTextsIn(told, 1000));
  return { content: [{ type: "text", text }], isError: true };
}

/**
 * What the tool has on top of its operation is taken off; the operation gets the arguments as they were meant, and checks
 * them. Only what the tool does not take is refused here, where all that it takes can be named.
 */
async function readCall(tool: Tool, args: unknown, execute: Execute): Promise<Call> {
  const { args: read, bent } = readLeniently(args, tool.reading);
  const {
    response_format: format = "concise",
    clear = [],
    attempt,
    offset,
    ...input
  } = read as ToolArguments;
  const { shape } = tool.checked.input;
  const isTaken =
    responseFormats.includes(format) &&
    Array.isArray(clear) &&
    clear.every((name) => tool.clearable.includes(name)) &&
    [attempt, offset].every((number) => number === undefined || (Number.isInteger(number) && number >= 0)) &&
    Object.keys(read as object).every((name) => Object.hasOwn(shape, name));
  if (!isTaken) parseInput(tool.checked, read);
  const resolved = await resolveReferences(withCleared(input, clear), aside(execute), bent);
  // Each page but the first says the same.
  const counts = "counts" in shape && input["cursor"] === undefined && { counts: true };
  return { input: { ...resolved, ...counts }, view: { format, attempt, offset }, bent };
}

type ToolArguments = Answer & Partial<View> & { response_format?: View["format"]; clear?: string[] };

function withCleared(input: Answer, clear: readonly string[]): Answer {
  const both = clear.find((name) => input[name] !== undefined);
  if (both !== undefined) {
    throw new SchedulerError("invalid_input", `"${both}" is given and cleared.`, {
      field: "clear",
      hint: `Give ${both}, or name it in clear, not both.`,
    });
  }
  return { ...input, ...Object.fromEntries(clear.map((name) => [name, null])) };
}

/** Asks again for fewer rows when a page is too heavy, so that its cursor goes on behind the last row shown. */
async function answer(tool: Tool, { input, view, bent }: Call, execute: Execute): Promise<Answer> {
  let limit = Infinity;
  let page = input;
  for (;;) {
    const isFirst = limit === Infinity;
    const answered = (await execute(tool.name, page as never, isFirst ? {} : { aside: true })) as Answer;
    const output = (await whereAllowed(() => afterCall(tool, answered, aside(execute)))) ?? answered;
    const note = isFirst
      ? await whereAllowed(() => noteOnQueue(tool, input, answered, aside(execute)))
      : undefined;
    if (note !== undefined) bent.push(note);
    const built = cutTexts((maxText = Infinity) => present(tool, output, { ...view, maxText }));
    const factor = overweight(built);
    const rows = tool.isPage ? (output["data"] as Answer[]).length : 1;
    if (factor <= 1) return limit === Infinity ? built : withNote(built, fewerRows(rows));
    limit = Math.floor(Math.min(rows, limit) / factor);
    if (limit < 1) return cutArrays(built);
    page = { ...input, limit };
  }
}

/** What is done is done, also where its caller may not know what else would be told of it. */
async function whereAllowed<Told>(work: () => Promise<Told>): Promise<Told | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

function fewerRows(rows: number): string {
  return `only ${rows} rows fit; go on with next_cursor`;
}
