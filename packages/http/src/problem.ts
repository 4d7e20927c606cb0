import type { IncomingMessage, ServerResponse } from "node:http";
import { type Problem, toProblem } from "@org/scheduler-contract";
import { bearerToken, requestIdOf } from "./request.ts";

/** Where errors that are ours are told in full. Any pino logger is one. */
export interface ErrorLog {
  error(details: object, message: string): void;
}

export interface ProblemOptions {
  log?: ErrorLog | undefined;
  /** Makes of a problem what a face tells instead: with another status, with more members, with more headers. */
  adapt?(problem: Problem): { problem: Problem; headers?: Record<string, string> };
}

/** Answers with an error as `application/problem+json` (RFC 9457); what is our own fault is logged in full. */
export function answerProblem(
  request: IncomingMessage,
  response: ServerResponse,
  thrown: unknown,
  { log, adapt = (problem) => ({ problem }) }: ProblemOptions = {},
): void {
  const { problem, headers } = adapt(toProblem(thrown, requestIdOf(request, response)));
  if (problem.status >= 500) {
    const { method, url = "" } = request;
    // What a query says may be a secret.
    const path = url.split("?")[0]!;
    log?.error({ err: thrown, request_id: problem.request_id, method, path }, "request failed");
  }
  if (response.headersSent) return void response.destroy();
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, { ...headersOf(problem, body, request), ...headers });
  response.end(body);
}

/** The headers of a problem, whichever way it leaves. */
export function headersOf(
  { status, detail, retry_after_seconds: retryAfter }: Problem,
  body: string,
  request?: IncomingMessage,
): Record<string, string> {
  return {
    "Content-Type": "application/problem+json; charset=utf-8",
    "Content-Length": String(Buffer.byteLength(body)),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    ...(status === 401 && request && { "WWW-Authenticate": challenge(request, detail) }),
    // What is left of the body is not worth reading.
    ...(status === 413 && { Connection: "close" }),
    ...(retryAfter !== undefined && { "Retry-After": String(Math.ceil(retryAfter)) }),
  };
}

/** RFC 6750: the error attributes only when a token was given, and of no character that would end or break them. */
function challenge(request: IncomingMessage, detail: string): string {
  const scheme = 'Bearer realm="scheduler"';
  if (bearerToken(request) === undefined) return scheme;
  const description = detail.replace(/[^ !#-[\]-~]/g, "");
  return `${scheme}, error="invalid_token", error_description="${description}"`;
}
