import { SchedulerError } from "@org/scheduler-contract";
import { answerProblem, type ErrorLog } from "@org/scheduler-http";
import type { ErrorRequestHandler } from "express";

/** Answers with an error that a handler threw as a problem. */
export function problemHandler(log?: ErrorLog): ErrorRequestHandler {
  return (thrown: unknown, request, response, next) => {
    if (response.headersSent) return next(thrown);
    answerProblem(request, response, isPathError(thrown) ? pathError() : thrown, { log });
  };
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
