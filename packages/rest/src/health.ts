import type { Backend, Readiness } from "@org/scheduler-contract";
import express from "express";
import type { RequestHandler, Router } from "express";
import type { ErrorLog } from "./problem.ts";
import { requestIdOf } from "./problem.ts";

/** `/healthz` (the process lives), `/readyz` (it can do its work) and `/metrics`, for probes: none needs a token. */
export function createHealthRouter(backend: Backend, log: ErrorLog | undefined): Router {
  const router = express.Router({ caseSensitive: true });
  router.get("/healthz", (_request, response) => void response.json({ status: "ok" }));
  router.get("/readyz", readyz(backend, log));
  if (backend.metrics)
    router.get(
      "/metrics",
      metrics(() => backend.metrics!()),
    );
  return router;
}

function readyz(backend: Backend, log: ErrorLog | undefined): RequestHandler {
  return async (request, response) => {
    const readiness = await backend.ready().catch((error: unknown): Readiness => {
      log?.error({ err: error, request_id: requestIdOf(request, response) }, "readiness check failed");
      return { ready: false, checks: { self: { ok: false, detail: "the check itself failed" } } };
    });
    response.status(readiness.ready ? 200 : 503).json(readiness);
  };
}

function metrics(read: () => Promise<string>): RequestHandler {
  return async (_request, response) => {
    response.type("text/plain; version=0.0.4; charset=utf-8").send(await read());
  };
}
