import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

const wellFormedId = /^[A-Za-z0-9_-]{1,64}$/;

/** The token of `Authorization: Bearer`, the only place where one is looked for. */
export function bearerToken({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
}

/** The id that the answer and the log share: the one given out already, or the caller's own, or a new one. */
export function requestIdOf(request: IncomingMessage, response: ServerResponse): string {
  const asked = response.getHeader("X-Request-Id") ?? request.headers["x-request-id"];
  const id = typeof asked === "string" && wellFormedId.test(asked) ? asked : randomUUID();
  response.setHeader("X-Request-Id", id);
  return id;
}

/** Where a request goes; only its path and query mean something. */
export function urlOf({ url = "/" }: IncomingMessage): URL {
  return URL.parse(url, "http://localhost") ?? new URL("http://localhost/");
}

/** Aborted once a connection has closed, or its answer is out: nobody waits for that answer any more. */
export function closingOf(response: ServerResponse): AbortSignal {
  const closing = new AbortController();
  if (response.destroyed) closing.abort();
  else response.once("close", () => closing.abort());
  return closing.signal;
}

/** Gives an answer the headers that each one has. */
export function setAnswerHeaders(request: IncomingMessage, response: ServerResponse): void {
  requestIdOf(request, response);
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
}
