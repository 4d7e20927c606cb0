import { Agent, type Dispatcher } from "undici";
import type { AttemptErrorCode, AttemptStatus } from "@org/scheduler-contract";
import { BlockedAddressError, type Range } from "./address-guard.ts";
import { createConnector } from "./connector.ts";
import { follow } from "./redirects.ts";
import { createResolver, LookupError, type Resolver, type ResolverSettings } from "./resolver.ts";

/** How much of an answer is kept; the rest is not even read. */
const maxResponseBytes = 64 * 1024;

export interface OutgoingRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | null;
  timeoutMs: number;
  /** To where its answers lead, a few times. Without it, a redirect is an answer like any other. */
  followRedirects?: boolean;
  /** The headers that sign a request; a redirect within its origin is signed anew, since its path is another one. */
  sign?: (request: Pick<OutgoingRequest, "method" | "url" | "body">) => Record<string, string>;
}

/** What came of one HTTP request. An answer of any status is `succeeded` here; whether it counts is judged later. */
export interface Answer {
  status: AttemptStatus;
  errorCode: AttemptErrorCode | null;
  error: string | null;
  statusCode: number | null;
  latencyMs: number;
  headers: Record<string, string> | null;
  body: string | null;
  truncated: boolean;
  /** It was not sent, and must not be for so long. */
  heldBackMs?: number;
}

type Verdict = Pick<Answer, "status" | "errorCode" | "error">;

export interface Sending {
  /** Never rejects: whatever goes wrong is an answer too. */
  answer: Promise<Answer>;
  /** Ends the request now; nothing happens when it is over already. */
  abort(reason: "canceled" | "interrupted"): void;
}

/** Sends outgoing requests, each through the address guard. */
export interface Sender {
  send(request: OutgoingRequest): Sending;
  close(): Promise<void>;
}

/** A sender that may reach public addresses, and private ones within `allowed`, redirects included. */
export function createSender(allowed: Range[], names?: ResolverSettings): Sender {
  const resolver = createResolver(names);
  const connector = createConnector(allowed, resolver);
  const agent = new Agent({
    // While HTTP/2 is possible, one slow handshake holds back every other request to the same host.
    allowH2: false,
    connect: connector.connect,
    // A connection that idles longer may be closed by its server in the moment it is used again, and that would
    // count as a failed attempt.
    keepAliveTimeout: 1000,
    keepAliveMaxTimeout: 10_000,
    // The attempt's own deadline covers everything from the connection on.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const sendOnce = (request: OutgoingRequest): Sending => send({ agent, resolver }, request);
  return {
    send: (request) => (request.followRedirects ? follow(sendOnce, request) : sendOnce(request)),
    async close() {
      await agent.destroy();
      connector.close();
      resolver.close();
    },
  };
}

function send({ agent, resolver }: { agent: Agent; resolver: Resolver }, request: OutgoingRequest): Sending {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const begun = performance.now();
  const chunks: Buffer[] = [];
  let size = 0;
  let statusCode: number | null = null;
  let headers: Record<string, string> | null = null;
  let controller: Dispatcher.DispatchController | undefined;
  let over = false;

  const end = (outcome: Verdict, truncated = false): void => {
    if (over) return;
    over = true;
    clearTimeout(deadline);
    const whole = outcome.status === "succeeded" && !truncated;
    const body = headers === null ? null : readText(chunks, whole);
    resolve({ ...outcome, statusCode, latencyMs: performance.now() - begun, headers, body, truncated });
    if (whole) return;
    controller?.abort(new Error(outcome.error ?? "enough was read"));
  };
  const deadline = setTimeout(() => {
    const { hostname } = new URL(request.url);
    if (controller === undefined && resolver.isAwaited(hostname)) {
      const why = `within ${request.timeoutMs} ms: its name servers do not answer.`;
      return end(classify(new LookupError(`${hostname} could not be resolved ${why}`)));
    }
    end({ status: "timeout", errorCode: "timeout", error: `No full answer within ${request.timeoutMs} ms.` });
  }, request.timeoutMs);

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(given) {
      controller = given;
      // The deadline may have passed while the request waited for its connection: it must not leave any more.
      if (over) given.abort(new Error("too late"));
    },
    onResponseStart(_, status, fields) {
      if (status < 200) return;
      statusCode = status;
      headers = plainHeaders(fields);
    },
    onResponseData(_, chunk) {
      const room = maxResponseBytes - size;
      chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
      size += Math.min(chunk.length, room);
      if (chunk.length > room) end({ status: "succeeded", errorCode: null, error: null }, true);
    },
    onResponseEnd: () => end({ status: "succeeded", errorCode: null, error: null }),
    onResponseError: (_, error) => end(classify(error)),
  };
  try {
    const url = new URL(request.url);
    agent.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        headers: request.headers,
        body: request.body,
      },
      handler,
    );
  } catch (error) {
    end(classify(error as Error));
  }
  return {
    answer: promise,
    abort(reason) {
      const error =
        reason === "canceled" ? "The execution was canceled." : "The worker stopped before an answer came.";
      end({ status: reason, errorCode: reason === "canceled" ? "canceled" : "worker_lost", error });
    },
  };
}

function plainHeaders(fields: Record<string, string | string[] | undefined>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) plain[name] = storable(Array.isArray(value) ? value.join(", ") : value);
  }
  return plain;
}

/** The kept bytes as text; a character cut in two at the end is left out. */
function readText(chunks: Buffer[], whole: boolean): string {
  if (chunks.length === 0) return "";
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  return storable(new TextDecoder().decode(bytes, { stream: !whole }));
}

/** PostgreSQL holds neither NUL nor half a character in a text, and one such text would fail a whole batch. */
function storable(text: string): string {
  if (text.isWellFormed() && !text.includes("\0")) return text;
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}

const codes: Record<string, AttemptErrorCode> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  // The connection was closed in order, but in the middle of an answer.
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "reset",
  ETIMEDOUT: "timeout",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_INVALID_ARG: "invalid_request",
};
const tlsCode =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERROR_IN_C|PATH_LENGTH|INVALID_(CA|PURPOSE)|EPROTO|HOSTNAME_MISMATCH)/;

/** Texts of the other side can be inside (the names in a certificate), and those can be long. */
const maxErrorLength = 500;

function classify(error: Error): Verdict {
  if (error instanceof BlockedAddressError) {
    return { status: "blocked", errorCode: "address_blocked", error: error.message };
  }
  const cause = telling(error);
  const errorCode = codeOf(cause);
  const status = errorCode === "timeout" ? "timeout" : "connection_error";
  const text = cause.message || cause.code || "The connection failed.";
  return { status, errorCode, error: storable(text.slice(0, maxErrorLength)) };
}

/** With several addresses tried, the error of each is inside and the outer one says nothing. */
function telling(error: Error): NodeJS.ErrnoException {
  if (!(error instanceof AggregateError)) return error;
  const errors = error.errors as Error[];
  return errors.find((inner) => codeOf(inner) !== "connection") ?? errors[0] ?? error;
}

function codeOf(error: NodeJS.ErrnoException): AttemptErrorCode {
  const code = error.code ?? "";
  if (error instanceof LookupError) return "dns";
  if (error.message.includes("Invalid EOF state")) return "reset";
  // undici closed the connection itself, over an answer that HTTP does not know at that point.
  if (code === "UND_ERR_SOCKET" && error.message.startsWith("bad ")) return "connection";
  return tlsCode.test(code) ? "tls" : (codes[code] ?? "connection");
}
