import type { Backend, CallerView } from "@org/scheduler-contract";
import express from "express";
import type { Express, RequestHandler } from "express";
import { hostGuard, loopbackHosts } from "./host-guard.ts";
import type { ErrorLog } from "./problem.ts";
import { answerHeaders, problemHandler } from "./problem.ts";
import { createRouter } from "./router.ts";

export interface AppOptions {
  /** The address the app will listen on. On loopback, foreign Host and Origin headers are refused. */
  host: string;
  log?: ErrorLog;
  /** Other faces, such as MCP or metrics, that get a request before REST says 404. */
  faces?: readonly RequestHandler[];
}

/** An Express app that serves REST, and other faces beside it. */
export function createApp<Caller extends CallerView>(
  backend: Backend<Caller>,
  { host, log, faces = [] }: AppOptions,
): Express {
  const app = express();
  app.disable("x-powered-by");
  // Answers are no-store: a tag for a cache would only cost time.
  app.disable("etag");
  app.use(answerHeaders());
  if (isLoopback(host)) app.use(hostGuard({ allowedHosts: [...new Set([...loopbackHosts, host])] }));
  for (const face of faces) app.use(face);
  app.use(createRouter(backend, log ? { log } : {}));
  app.use(problemHandler(log));
  return app;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
