import {
  type ExactJson,
  isExactNumber,
  isTooDeep,
  parseExactly,
  withBodyText,
} from "@org/scheduler-contract";
import { editValues } from "./values.ts";

type Fields = Record<string, unknown>;

/**
 * Reads a JSON-RPC message, or a batch of them. A tool's arguments keep what JavaScript would lose of them: the body of a
 * job is the text that it came as, and a number that no double holds is its text too. Throws as `JSON.parse` does.
 */
export function readMessage(text: string): unknown {
  const json = parseExactly(text);
  const { value } = json;
  // Whoever answers that it is nested too deep looks at nothing else.
  if (isTooDeep(value)) return value;
  const messages = Array.isArray(value) ? (value as unknown[]) : [value];
  for (const message of messages) if (isObject(message)) readParams(message, json);
  // Such as the id of a message: whoever sends a longer one gets it back as JavaScript has it.
  return edit(value, (number) => Number(number));
}

function readParams({ method, params }: Fields, json: ExactJson): void {
  if (method !== "tools/call" || !isObject(params) || !("arguments" in params)) return;
  params["arguments"] = readArguments(params["arguments"], json);
}

/** Clients that have nothing to say send null, and some send all they have as the text of its JSON. */
function readArguments(args: unknown, json: ExactJson): unknown {
  if (args === null) return {};
  if (typeof args === "string") return readText(args);
  withBodyText(args, json);
  return edit(args, (number) => number);
}

function readText(text: string): unknown {
  try {
    const json = parseExactly(text);
    if (isObject(json.value) && !isTooDeep(json.value)) return readArguments(json.value, json);
  } catch {
    // What cannot be read is refused as it came.
  }
  return text;
}

function edit(value: unknown, read: (number: string) => unknown): unknown {
  return editValues(value, (part) => (isExactNumber(part) ? read(part.rawJSON) : part));
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
