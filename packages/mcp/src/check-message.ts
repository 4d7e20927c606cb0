import { isTooDeep, maxDepth } from "@org/scheduler-contract";

/** JSON-RPC's answer to a request whose params are not what its method takes. */
export interface InvalidParams {
  jsonrpc: "2.0";
  id: string | number | null;
  error: { code: -32602; message: string; data: { hint: string } };
}

type Fields = Record<string, unknown>;

/**
 * What is wrong with the params of a message, or of the first in a batch. The SDK finds most of it as well, but answers
 * in the words of its schemas, with -32600 or -32603 here and there, and not at all where nesting exhausts the stack.
 */
export function invalidParams(body: unknown): InvalidParams | undefined {
  // Before anything else looks at it: most of what walks through a value does so by recursion.
  const flaw = isTooDeep(body) ? tooDeep : undefined;
  for (const message of Array.isArray(body) ? (body as unknown[]) : [body]) {
    if (!isObject(message)) continue;
    const found = flaw ?? flawOf(message);
    if (found) return answerTo(message, found);
  }
  return flaw && answerTo({}, flaw);
}

interface ParamsFlaw {
  detail: string;
  hint: string;
}

const tooDeep: ParamsFlaw = {
  detail: `the message is nested more than ${maxDepth} levels deep`,
  hint: "Flatten it, or send what is nested as a text.",
};

const example = '{"name": "list_jobs", "arguments": {"limit": 10}}';

function flawOf({ method, params }: Fields): ParamsFlaw | undefined {
  if (typeof method !== "string" || params === undefined) return undefined;
  if (!isObject(params))
    return { detail: "params is not an object", hint: `Send params such as ${example}.` };
  if (params["_meta"] !== undefined && !isObject(params["_meta"]))
    return { detail: "params._meta is not an object", hint: "Leave _meta out, or send an object." };
  switch (method) {
    case "tools/call":
      return flawOfCall(params);
    case "tools/list":
      return isTextOrNothing(params["cursor"])
        ? undefined
        : {
            detail: "params.cursor is not a text",
            hint: "Send nextCursor of the page before, or leave cursor out.",
          };
    case "initialize":
      return flawOfInitialize(params);
    default:
      return undefined;
  }
}

function flawOfCall({ name, arguments: args }: Fields): ParamsFlaw | undefined {
  if (typeof name !== "string")
    return { detail: "params.name is not the name of a tool", hint: `Name one of tools/list: ${example}.` };
  if (args !== undefined && !isObject(args))
    return {
      detail: "params.arguments is not an object",
      hint: `Send the tool's fields by name: ${example}.`,
    };
  return undefined;
}

function flawOfInitialize({ protocolVersion, capabilities, clientInfo }: Fields): ParamsFlaw | undefined {
  const isInfo =
    isObject(clientInfo) && ["name", "version"].every((field) => typeof clientInfo[field] === "string");
  if (typeof protocolVersion === "string" && isObject(capabilities) && isInfo) return undefined;
  const hint =
    '{"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "my-agent", "version": "1.0"}}';
  return { detail: "params are not those of initialize", hint: `Send ${hint}.` };
}

function answerTo({ id }: Fields, { detail, hint }: ParamsFlaw): InvalidParams {
  const isId = typeof id === "string" || typeof id === "number";
  const error = { code: -32602, message: `Invalid params: ${detail}. ${hint}`, data: { hint } } as const;
  return { jsonrpc: "2.0", id: isId ? id : null, error };
}

function isTextOrNothing(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
