import type { IncomingMessage, ServerResponse } from "node:http";

/** What a page may send besides what every page may. */
const sent = [
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "Last-Event-ID",
  "MCP-Protocol-Version",
  "Mcp-Method",
  "Mcp-Name",
  "Mcp-Session-Id",
  "Sched-Parent",
  "X-MCP-Readonly",
  "X-MCP-Toolsets",
  "X-Request-Id",
];

/** What a page may read besides what every page may. */
const read = [
  "Allow",
  "Idempotent-Replayed",
  "MCP-Protocol-Version",
  "Mcp-Session-Id",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "WWW-Authenticate",
  "X-Request-Id",
];

/** Two hours: no browser keeps the answer for longer. */
const keptSeconds = 7200;

/**
 * Lets pages of the named origins read the answer, whatever becomes of the request: an error that a page cannot read helps
 * nobody. Credentials of the browser are never let in: the token is all that counts.
 */
export function admitOrigin(
  { headers: { origin } }: IncomingMessage,
  response: ServerResponse,
  origins: readonly string[],
): void {
  if (origins.length === 0) return;
  const vary = String(response.getHeader("Vary") ?? "");
  if (!/\borigin\b/i.test(vary)) response.appendHeader("Vary", "Origin");
  if (origin === undefined || !origins.includes(origin)) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Expose-Headers", read.join(", "));
}

/**
 * Answers a browser that asks, before a page's request, whether the page may make it; false for all other requests. The
 * answer is the same for every path: what a path does not take is then refused with a problem that the page can read.
 */
export function answerPreflight({ method, headers }: IncomingMessage, response: ServerResponse): boolean {
  if (method !== "OPTIONS" || headers["access-control-request-method"] === undefined) return false;
  if (!response.hasHeader("Access-Control-Allow-Origin")) return false;
  const allowed = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": sent.join(", "),
    "Access-Control-Max-Age": String(keptSeconds),
  };
  response.writeHead(204, allowed).end();
  return true;
}
