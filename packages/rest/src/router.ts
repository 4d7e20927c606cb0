import type { Backend, CallerView, Input, Operation, OperationName } from "@org/scheduler-contract";
import { operations, SchedulerError } from "@org/scheduler-contract";
import express from "express";
import type { Request, RequestHandler, Response, Router } from "express";
import { openApiDocument } from "./openapi.ts";
import {
  bearerToken,
  closingOf,
  type ErrorLog,
  type Limiter,
  noRoute,
  requestIdOf,
  setAnswerHeaders,
} from "@org/scheduler-http";
import { problemHandler } from "./problem.ts";
import { readInput } from "./read-input.ts";

export interface RouterOptions {
  log?: ErrorLog;
  /** Holds back who asks too often. Absent: nobody is. */
  limiter?: Limiter;
}

/**
 * The contract as an Express router, with `/openapi.json`. It answers every request that
 * reaches it, if only with 404, and reads bodies itself: mount it at the root, last, with no body parser before it.
 */
export function createRouter<Caller extends CallerView>(
  backend: Backend<Caller>,
  { log, limiter }: RouterOptions = {},
): Router {
  const router = express.Router({ caseSensitive: true });
  const methods = new Map<string, string[]>();
  const route = (method: string, path: string, handler: RequestHandler) => {
    router[method.toLowerCase() as "get" | "post" | "put" | "patch" | "delete"](path, handler);
    methods.set(path, [...(methods.get(path) ?? []), ...(method === "GET" ? ["GET", "HEAD"] : [method])]);
  };

  router.use((request, response, next) => {
    setAnswerHeaders(request, response);
    next();
  });
  // A fixed path first: it would also be the id of another one.
  const byPath = Object.values<Operation>(operations).toSorted(
    (one, other) => Number(one.http.path.includes("{")) - Number(other.http.path.includes("{")),
  );
  for (const operation of byPath) {
    route(operation.http.method, expressPath(operation), serve(backend, operation, limiter));
  }
  route("GET", "/openapi.json", (_request, response) => void response.json(openApiDocument()));
  for (const [path, known] of methods) router.all(path, otherMethods(known));
  router.use((request) => {
    throw noRoute(request);
  });
  router.use(problemHandler(log));
  return router;
}

function expressPath(operation: Operation): string {
  return operation.http.path.replace(/\{(\w+)\}/g, ":$1");
}

function serve<Caller extends CallerView>(
  backend: Backend<Caller>,
  operation: Operation,
  limiter: Limiter | undefined,
): RequestHandler {
  const name = operation.name as OperationName;
  async function callerOf(request: Request, response: Response): Promise<Caller | undefined> {
    if (operation.access === "public") {
      await limiter?.admitAnybody(request, response);
      return undefined;
    }
    if (!limiter) return backend.authenticate(bearerToken(request));
    return limiter.admit(request, response, (token) => backend.authenticate(token));
  }

  return async (request: Request, response: Response) => {
    const signal = closingOf(response);
    // The token first: nobody's body is read before we know whose it is.
    const caller = await callerOf(request, response);
    const input = await readInput(operation, request, response);
    const output = await backend.execute(name, input as Input<OperationName>, caller, {
      address: request.socket.remoteAddress,
      signal,
      via: "rest",
      requestId: requestIdOf(request, response),
      parent: request.get("Sched-Parent"),
      onReplayed: () => void response.set("Idempotent-Replayed", "true"),
    });
    // A dry run creates nothing.
    const status = "dry_run" in output ? 200 : operation.http.status;
    response.status(status ?? 200).json(output);
  };
}

function otherMethods(known: string[]): RequestHandler {
  return (request, response) => {
    response.set("Allow", [...known, "OPTIONS"].join(", "));
    if (request.method === "OPTIONS") return void response.status(204).end();
    throw new SchedulerError("method_not_allowed", `${request.method} is not possible on ${request.path}.`, {
      hint: `Use ${known.join(" or ")}.`,
    });
  };
}
