import type { Operation, OperationName } from "@org/scheduler-contract";
import { operations, parseInput, SchedulerError } from "@org/scheduler-contract";

interface BuiltRequest {
  /** With its query. */
  path: string;
  body?: string;
  headers: Record<string, string>;
  /** How long the server itself may wait before it answers. */
  waitMs: number;
}

/**
 * Lays an operation's input out as HTTP: path and the header for its idempotency key, then query for GET and DELETE,
 * JSON body for the others. The input is checked first: a query is text, so the server could not tell `"5"` from `5`.
 */
export function buildRequest(name: OperationName, input: object): BuiltRequest {
  const operation: Operation | undefined = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (!operation) throw unknownOperation(name);
  const waitMs = waitOf(parseInput(operation, input));
  const fields = new Map<string, unknown>(Object.entries(input));
  const headers = takeKey(fields);
  const path = operation.http.path.replace(/\{(\w+)\}/g, (_match, field: string) => {
    const part = pathPart(field, String(fields.get(field)));
    fields.delete(field);
    return part;
  });
  if (operation.http.method === "GET" || operation.http.method === "DELETE") {
    const query = queryOf(fields).toString();
    return { path: query === "" ? path : `${path}?${query}`, headers, waitMs };
  }
  return { path, headers, waitMs, body: JSON.stringify(Object.fromEntries(fields)) };
}

function takeKey(fields: Map<string, unknown>): Record<string, string> {
  const key = fields.get("idempotency_key");
  fields.delete("idempotency_key");
  return key === undefined ? {} : { "Idempotency-Key": key as string };
}

function waitOf({ wait_seconds: seconds }: Record<string, unknown>): number {
  return typeof seconds === "number" ? seconds * 1000 : 0;
}

function pathPart(field: string, value: string): string {
  // URLs resolve dots: such a part would call another route.
  if (value !== "." && value !== ".." && value.isWellFormed()) return encodeURIComponent(value);
  throw new SchedulerError("invalid_input", `"${field}" cannot be part of a path.`, {
    field,
    hint: `Change "${field}" and try again.`,
  });
}

function queryOf(fields: Map<string, unknown>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of fields) {
    if (Array.isArray(value)) for (const item of value) query.append(name, String(item));
    else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) query.append(`${name}.${key}`, String(item));
    } else if (value !== undefined) query.append(name, String(value as string | number | boolean));
  }
  return query;
}

function unknownOperation(name: string): SchedulerError {
  return new SchedulerError("not_found", `There is no operation "${name}".`, {
    hint: `Use one of ${Object.keys(operations).join(", ")}.`,
  });
}
