import type { ErrorLog } from "@org/scheduler-http";
import { parseInput, toProblem } from "@org/scheduler-contract";
import type { Execute } from "@org/scheduler-contract";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { cutArrays, cutTexts, overweight, toResult, withNote } from "./fit.ts";
import { present } from "./present.ts";
import type { Answer } from "./present.ts";
import { type ResponseFormat, responseFormats, type Tool } from "./tools.ts";
import { cutTextsIn } from "./values.ts";

export interface CallContext {
  execute: Execute;
  /** What an error's answer and the log have in common. */
  requestId: string;
  log?: ErrorLog;
}

interface Call {
  input: Answer;
  format: ResponseFormat;
}

/** Carries out one call of a tool. Whatever goes wrong is an `isError` result that holds the contract's problem. */
export async function callTool(tool: Tool, args: unknown, context: CallContext): Promise<CallToolResult> {
  try {
    return toResult(await answer(tool, readCall(tool, args), context.execute));
  } catch (error) {
    const problem = toProblem(error, context.requestId);
    if (problem.status >= 500) {
      const { requestId, log } = context;
      log?.error({ err: error, request_id: requestId, tool: tool.name }, "tool call failed");
    }
    // An error may repeat what was sent.
    const text = JSON.stringify(cutTextsIn(problem, 1000));
    return { content: [{ type: "text", text }], isError: true };
  }
}

/**
 * What the tool has on top of its operation is taken off; the operation gets the arguments as they were written, and checks
 * them. Only what the tool does not take is refused here, where all that it takes can be named.
 */
function readCall(tool: Tool, args: unknown): Call {
  if (tool.risk !== "read" || typeof args !== "object" || args === null)
    return { input: args as Answer, format: "concise" };
  const { response_format: format = "concise", ...input } = args as Answer & {
    response_format?: ResponseFormat;
  };
  const { shape } = tool.checked.input;
  const isTaken =
    responseFormats.includes(format) && Object.keys(input).every((name) => Object.hasOwn(shape, name));
  if (!isTaken) parseInput(tool.checked, args);
  return { input, format };
}

/** Asks again for fewer rows when a page is too heavy, so that its cursor goes on behind the last row shown. */
async function answer(tool: Tool, { input, format }: Call, execute: Execute): Promise<Answer> {
  let limit = Infinity;
  let page = input;
  for (;;) {
    const output = (await execute(tool.name, page as never)) as Answer;
    const built = cutTexts((maxText = Infinity) => present(tool, output, { format, maxText }));
    const factor = overweight(built);
    const rows = tool.isPage ? (output["data"] as Answer[]).length : 1;
    if (factor <= 1) return limit === Infinity ? built : withNote(built, fewerRows(rows));
    limit = Math.floor(Math.min(rows, limit) / factor);
    if (limit < 1) return cutArrays(built);
    page = { ...input, limit };
  }
}

function fewerRows(rows: number): string {
  return `only ${rows} rows fit; go on with next_cursor`;
}
