import type { IncomingMessage, ServerResponse } from "node:http";
import type { Backend, Readiness } from "@org/scheduler-contract";
import type { ErrorLog } from "./problem.ts";
import { requestIdOf, urlOf } from "./request.ts";

type Probed = Pick<Backend, "ready" | "metrics">;

/**
 * Answers `/healthz` (the process lives), `/readyz` (it can do its work) and `/metrics`, for probes: none needs a token.
 * Answers false for all other requests, which it leaves alone.
 */
export async function answerHealth(
  backend: Probed,
  request: IncomingMessage,
  response: ServerResponse,
  log: ErrorLog | undefined,
): Promise<boolean> {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  switch (urlOf(request).pathname.replace(/\/$/, "")) {
    case "/healthz":
      answer(response, 200, "application/json; charset=utf-8", JSON.stringify({ status: "ok" }));
      return true;
    case "/readyz": {
      const readiness = await readinessOf(backend, requestIdOf(request, response), log);
      const status = readiness.ready ? 200 : 503;
      answer(response, status, "application/json; charset=utf-8", JSON.stringify(readiness));
      return true;
    }
    case "/metrics":
      if (!backend.metrics) return false;
      answer(response, 200, "text/plain; version=0.0.4; charset=utf-8", await backend.metrics());
      return true;
    default:
      return false;
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) }).end(body);
}

async function readinessOf(
  backend: Probed,
  requestId: string,
  log: ErrorLog | undefined,
): Promise<Readiness> {
  try {
    return await backend.ready();
  } catch (error) {
    log?.error({ err: error, request_id: requestId }, "readiness check failed");
    return { ready: false, checks: { self: { ok: false, detail: "the check itself failed" } } };
  }
}
