import type { IncomingMessage, ServerResponse } from "node:http";
import { parseExactly, SchedulerError, withBodyText } from "@org/scheduler-contract";
import { readJson } from "@org/scheduler-http";

const wants =
  'one JSON object, such as {"name": "nightly report"}, with double quotes and no trailing commas';

/**
 * The fields of a JSON body; none when the body is empty. `whole` is the field that the body is itself, where it does not
 * name it.
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  whole?: string,
): Promise<Record<string, unknown>> {
  const ofText = whole === undefined ? {} : { ofText: (text: string) => ({ [whole]: text }) };
  const value = await readJson(request, response, { wants, parse, ...ofText });
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const isWhole = whole !== undefined && !Object.hasOwn(value, whole);
    return isWhole ? { [whole]: value } : (value as Record<string, unknown>);
  }
  throw new SchedulerError("invalid_input", "The body is JSON, but not an object.", {
    hint: 'Send one JSON object, such as {"name": "nightly report"}; /openapi.json lists its fields.',
  });
}

/** The JSON of an input; a job's body, also that of each in a batch, stays the text that it came as. */
function parse(text: string): unknown {
  const json = parseExactly(text);
  withBodyText(json.value, json);
  const { jobs } = (json.value ?? {}) as { jobs?: unknown };
  if (Array.isArray(jobs)) for (const job of jobs) withBodyText(job, json);
  return json.value;
}
