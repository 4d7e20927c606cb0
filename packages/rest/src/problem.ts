import { randomUUID } from "node:crypto";
import { SchedulerError, toProblem } from "@org/scheduler-contract";
import type { ErrorRequestHandler, Request, RequestHandler, Response } from "express";

/** Where errors that are ours are told in full. Any pino logger is one. */
export interface ErrorLog {
  error(details: object, message: string): void;
}

const wellFormedId = /^[A-Za-z0-9_-]{1,64}$/;

/** The id that the answer, its problem and the log share: the caller's own if it is well-formed, else a new one. */
export function requestIdOf(request: Request, response: Response): string {
  const given = response.get("X-Request-Id");
  if (given !== undefined) return given;
  const asked = request.get("X-Request-Id");
  const id = asked !== undefined && wellFormedId.test(asked) ? asked : randomUUID();
  response.set("X-Request-Id", id);
  return id;
}

/** The headers of every API answer. */
export function answerHeaders(): RequestHandler {
  return (request, response, next) => {
    requestIdOf(request, response);
    response.set({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    next();
  };
}

/** Answers with an error as `application/problem+json`; what is our own fault is logged in full. */
export function problemHandler(log?: ErrorLog): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    if (response.headersSent) return next(thrown);
    const error = isPathError(thrown) ? pathError() : thrown;
    const problem = toProblem(error, requestIdOf(request, response));
    if (problem.status >= 500) {
      const { method, path } = request;
      log?.error({ err: error, request_id: problem.request_id, method, path }, "request failed");
    }
    if (problem.status === 401) response.set("WWW-Authenticate", challenge(request));
    if (problem.retry_after_seconds !== undefined) {
      response.set("Retry-After", String(Math.ceil(problem.retry_after_seconds)));
    }
    response.status(problem.status).type("application/problem+json").json(problem);
  };
}

/** RFC 6750: the error attribute only when a token was given. */
function challenge(request: Request): string {
  const scheme = 'Bearer realm="scheduler"';
  return bearerToken(request) === undefined ? scheme : `${scheme}, error="invalid_token"`;
}

/** The token of `Authorization: Bearer`, the only place where one is looked for. */
export function bearerToken(request: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.get("Authorization") ?? "")?.[1];
}

/** What express's router throws for a path such as `/v1/jobs/%zz`. */
function isPathError(thrown: unknown): boolean {
  return thrown instanceof URIError && (thrown as { status?: unknown }).status === 400;
}

function pathError(): SchedulerError {
  return new SchedulerError("invalid_input", "The path holds a % that starts no UTF-8 escape.", {
    hint: "Percent-encode each part of the path as UTF-8; a literal % is written %25.",
  });
}
