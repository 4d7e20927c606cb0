import type { IncomingMessage, ServerResponse } from "node:http";
import { SchedulerError } from "@org/scheduler-contract";
import { readJson } from "@org/scheduler-http";

const wants =
  'one JSON object, such as {"name": "nightly report"}, with double quotes and no trailing commas';

/** The fields of a JSON body; none when the body is empty. */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Record<string, unknown>> {
  const value = await readJson(request, response, { wants });
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new SchedulerError("invalid_input", "The body is JSON, but not an object.", {
    hint: 'Send one JSON object, such as {"name": "nightly report"}; /openapi.json lists its fields.',
  });
}
