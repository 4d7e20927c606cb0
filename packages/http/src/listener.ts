import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { type Backend, SchedulerError } from "@org/scheduler-contract";
import { answerHealth } from "./health.ts";
import { checkHost } from "./hosts.ts";
import { admitOrigin, answerPreflight } from "./origins.ts";
import { answerProblem, type ErrorLog } from "./problem.ts";
import { setAnswerHeaders, urlOf } from "./request.ts";

/** Something that serves requests and passes on those that are not its own; a handler of Express is one too. */
export type Face = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => unknown;

export interface ListenerOptions {
  /** Names besides loopback's under which clients reach it, such as a reverse proxy's; `*` for any. */
  allowedHosts?: readonly string[];
  /** Origins besides its own whose pages may call it, as browsers spell them: `https://app.example`. */
  allowedOrigins?: readonly string[];
  log?: ErrorLog;
  /** What it serves besides health, in this order: one that answers everything comes last. */
  faces?: readonly Face[];
}

/** Serves health and the given faces, and refuses requests under foreign names. Each answer has an id. */
export function createListener(
  backend: Pick<Backend, "ready" | "metrics">,
  { allowedHosts = [], allowedOrigins = [], log, faces = [] }: ListenerOptions = {},
): RequestListener {
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    setAnswerHeaders(request, response);
    admitOrigin(request, response, allowedOrigins);
    if (!allowedHosts.includes("*")) checkHost(request, allowedHosts, allowedOrigins);
    if (answerPreflight(request, response)) return;
    if (await answerHealth(backend, request, response, log)) return;
    for (const face of faces) if (!(await passesOn(face, request, response))) return;
    throw noRoute(request);
  }
  return (request, response) => {
    serve(request, response).catch((error: unknown) => answerProblem(request, response, error, { log }));
  };
}

/** Whether a face leaves a request to the next. One that answers it never says so. */
function passesOn(face: Face, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  return new Promise((resolve, reject) => {
    response.once("close", () => resolve(false));
    const next = (error?: unknown): void =>
      error === undefined || error === null ? resolve(true) : reject(error);
    Promise.resolve(face(request, response, next)).catch(reject);
  });
}

/** Whether it is one of those requests that MCP clients make by themselves when they are answered with 401. */
export function asksForOAuth(request: IncomingMessage): boolean {
  return /^(\/mcp)?\/(\.well-known(\/.*)?|register|authorize|token)\/?$/.test(urlOf(request).pathname);
}

/** What is said where nothing answers. */
export function noRoute(request: IncomingMessage): SchedulerError {
  // Their answer takes the place of the one that said what was wrong with the token.
  if (asksForOAuth(request)) {
    return new SchedulerError("not_found", "There is no OAuth here.", {
      hint:
        "Put `Authorization: Bearer cron_pat_…` into the client's headers, with a token of POST /v1/tokens; " +
        "a token that was sent and refused is unknown, expired or revoked.",
    });
  }
  const path = urlOf(request).pathname.slice(0, 200);
  return new SchedulerError("not_found", `There is no ${request.method} ${path}.`, {
    hint: "GET /openapi.json lists every route; the API begins with /v1, for example GET /v1/jobs.",
  });
}
