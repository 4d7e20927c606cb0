import type { Backend, CallerView } from "@org/scheduler-contract";
import express from "express";
import type { Express, RequestHandler } from "express";
import { createHealthRouter } from "./health.ts";
import { hostGuard, loopbackHosts } from "./host-guard.ts";
import type { ErrorLog } from "./problem.ts";
import { answerHeaders, problemHandler } from "./problem.ts";
import { noRoute } from "./router.ts";

export interface AppOptions {
  /** Names besides loopback's under which clients reach the app, such as a reverse proxy's; `*` for any. */
  allowedHosts?: readonly string[];
  log?: ErrorLog;
  /** What it serves besides health: REST, MCP, in this order. A REST router answers everything, so it comes last. */
  faces?: readonly RequestHandler[];
}

/** An Express app that serves health and the given faces, and refuses requests under foreign names. */
export function createApp<Caller extends CallerView>(
  backend: Backend<Caller>,
  { allowedHosts = [], log, faces = [] }: AppOptions = {},
): Express {
  const app = express();
  app.disable("x-powered-by");
  // Answers are no-store: a tag for a cache would only cost time.
  app.disable("etag");
  app.use(answerHeaders());
  if (!allowedHosts.includes("*")) app.use(hostGuard({ allowedHosts: [...loopbackHosts, ...allowedHosts] }));
  app.use(createHealthRouter(backend, log));
  for (const face of faces) app.use(face);
  app.use((request) => {
    throw noRoute(request);
  });
  app.use(problemHandler(log));
  return app;
}
