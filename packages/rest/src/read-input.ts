import type { Operation } from "@org/scheduler-contract";
import { SchedulerError } from "@org/scheduler-contract";
import type { Request, Response } from "express";
import { readBody } from "./body.ts";
import { readIdempotencyKey } from "./idempotency-key.ts";
import { readQuery } from "./query.ts";

/** Whether an operation takes its input from the query string rather than from a JSON body. */
export function takesQuery(operation: Operation): boolean {
  return operation.http.method === "GET" || operation.http.method === "DELETE";
}

/**
 * An operation's input from a request: the path, the header for a key, and either the query or the body. Anything in
 * the wrong place is an error.
 */
export async function readInput(
  operation: Operation,
  request: Request,
  response: Response,
): Promise<Record<string, unknown>> {
  const search = request.originalUrl.split("?").slice(1).join("?");
  const query = readQuery(operation, search);
  const body = await readBody(request, response, operation.http.wholeBody);
  const [fields, misplaced] = takesQuery(operation) ? [query, body] : [body, query];
  const stray = Object.keys(misplaced)[0];
  // A field that is known nowhere is refused as such: sending it elsewhere would not help.
  if (stray !== undefined && !Object.hasOwn(operation.input.shape, stray)) {
    return { ...fields, [stray]: misplaced[stray], ...request.params };
  }
  if (stray !== undefined) throw wrongPlace(operation, stray);
  const repeated = Object.keys(request.params).find((name) => Object.hasOwn(fields, name));
  if (repeated !== undefined) throw alreadyInPath(operation, repeated);
  return { ...fields, ...request.params, ...readIdempotencyKey(operation, request, fields) };
}

function wrongPlace(operation: Operation, field: string): SchedulerError {
  const { method, path } = operation.http;
  const [wrong, right] = takesQuery(operation)
    ? ["in the body", "in the query string"]
    : ["in the query string", "in a JSON body"];
  return new SchedulerError(
    "invalid_input",
    `"${field}" is ${wrong}, where ${method} ${path} takes nothing.`,
    {
      field,
      hint: `Send it ${right}.`,
    },
  );
}

function alreadyInPath(operation: Operation, field: string): SchedulerError {
  return new SchedulerError("invalid_input", `"${field}" is given twice.`, {
    field,
    hint: `Leave it out: it is part of the path ${operation.http.path}.`,
  });
}
