import type { IncomingMessage, ServerResponse } from "node:http";
import type { Backend, CallerView, Problem } from "@org/scheduler-contract";
import { SchedulerError } from "@org/scheduler-contract";
import {
  admitOrigin,
  answerPreflight,
  answerProblem,
  asksForOAuth,
  bearerToken,
  checkHost,
  type ErrorLog,
  type Limiter,
  noRoute,
  readJson,
  requestIdOf,
  urlOf,
} from "@org/scheduler-http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, ProtocolError } from "@modelcontextprotocol/server";
import type { AuthInfo, McpHandlerRequestOptions } from "@modelcontextprotocol/server";
import { acceptedForm, bothForms, type Form, inForm, written } from "./answer-form.ts";
import { buildServer } from "./build-server.ts";
import type { BuildServerOptions, ServerInfo } from "./build-server.ts";
import { type InvalidParams, invalidParams } from "./check-message.ts";
import { readMessage } from "./read-message.ts";
import { readNarrowing } from "./narrowing.ts";

export interface McpHttpOptions {
  /** Names besides loopback's under which clients reach the server, without port; `*` for any. */
  allowedHosts?: readonly string[];
  /** Origins besides its own whose pages may call it, as browsers spell them: `https://app.example`. */
  allowedOrigins?: readonly string[];
  log?: ErrorLog;
  info?: ServerInfo;
  /** Holds back who asks too often. Absent: nobody is. */
  limiter?: Limiter;
}

/** Serves `/mcp` and passes on everything else: plain node:http takes it, and so does `app.use` of Express. */
export interface McpHttp {
  (request: IncomingMessage, response: ServerResponse, next?: () => void): Promise<void>;
  /** Ends the calls and streams that are under way. */
  close(): Promise<void>;
}

const path = "/mcp";

/** MCP over Streamable HTTP, stateless: a fresh server for each request, bound to whom its token belongs to. */
export function createMcpHttp<Caller extends CallerView>(
  backend: Backend<Caller>,
  { allowedHosts = [], allowedOrigins = [], log, info, limiter }: McpHttpOptions = {},
): McpHttp {
  const onerror = (error: Error) => {
    if (!isClientFault(error)) log?.error({ err: error }, "mcp over http");
  };
  const servers = new WeakMap<AuthInfo, BuildServerOptions>();
  const mcp = createMcpHandler(({ authInfo }) => buildServer(servers.get(authInfo!)!), { onerror });

  async function admit(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<BuildServerOptions> {
    if (asksForOAuth(request)) throw noRoute(request);
    if (request.method !== "POST") throw methodNotAllowed(request.method);
    const caller = limiter
      ? await limiter.admit(request, response, (token) => backend.authenticate(token))
      : await backend.authenticate(bearerToken(request));
    const opens = await backend.opens?.(caller);
    const narrowing = readNarrowing(urlOf(request).searchParams, (name) => request.headers[name]?.toString());
    const parent = request.headers["sched-parent"]?.toString();
    return {
      execute: (name, input, options) =>
        backend.execute(name, input, caller, { ...options, parent, via: "mcp", requestId }),
      requestId,
      ...narrowing,
      ...(opens && { opens }),
      readOnly: narrowing.readOnly || caller.readOnly,
      ...(info && { info }),
      ...(log && { log }),
    };
  }

  async function handle(request: IncomingMessage, response: ServerResponse, next?: () => void) {
    if (next && urlOf(request).pathname.replace(/\/$/, "") !== path) return next();
    const requestId = requestIdOf(request, response);
    admitOrigin(request, response, allowedOrigins);
    try {
      checkHost(request, allowedHosts, allowedOrigins);
      if (answerPreflight(request, response)) return;
      const server = await admit(request, response, requestId);
      const body = await readJson(request, response, { wants: oneMessage, parse: readMessage });
      if (body === undefined) throw noMessage();
      const form = acceptedForm(request.headers.accept, body);
      const invalid = invalidParams(body);
      if (invalid) return answerInvalid({ request, response, form }, invalid);
      const answer = async (message: Request, options?: McpHandlerRequestOptions) => {
        message.headers.set("Accept", bothForms);
        return inForm(await mcp.fetch(message, options), form, Array.isArray(body));
      };
      // The handler passes on what it finds in `auth`; the token itself stays here.
      const auth: AuthInfo = { token: "", clientId: "", scopes: [] };
      servers.set(auth, server);
      await toNodeHandler({ fetch: answer }, { onerror })(Object.assign(request, { auth }), response, body);
    } catch (error) {
      answerProblem(request, response, error, { log, adapt: transportProblem });
    }
  }

  return Object.assign(handle, { close: mcp.close });
}

/** Since the revision of 2026 an error is a status too; before, one that has a message's id came with 200. */
function answerInvalid(
  { request, response, form }: { request: IncomingMessage; response: ServerResponse; form: Form },
  answer: InvalidParams,
): void {
  const revision = request.headers["mcp-protocol-version"]?.toString() ?? "";
  const status = revision >= "2026" || answer.id === null ? 400 : 200;
  const { type, text } = written(answer, form);
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" });
  response.end(text);
}

const oneMessage = 'one JSON-RPC message, such as {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}';

function noMessage(): SchedulerError {
  return new SchedulerError("invalid_json", "The body is empty.", { hint: `Send ${oneMessage}.` });
}

/** What a request is told that never became a message. */
function transportProblem(problem: Problem): { problem: Problem; headers?: Record<string, string> } {
  // Only the address or a header can be at fault here; 422 would say that the message was understood.
  if (problem.code === "invalid_input") return { problem: { ...problem, status: 400 } };
  if (problem.code === "method_not_allowed") return { problem, headers: { Allow: "POST" } };
  if (problem.code !== "invalid_json") return { problem };
  // JSON-RPC wants its own error when a message cannot be parsed; a problem may have more members (RFC 9457 §3.2).
  const error = { code: -32700, message: "Parse error" };
  return { problem: Object.assign({ ...problem }, { jsonrpc: "2.0", id: null, error }) };
}

/** Those it answered itself; the handler reports them like its own failures. */
function isClientFault(error: Error): boolean {
  return error instanceof ProtocolError || error.message.startsWith("Rejected ");
}

function methodNotAllowed(method = "this method"): SchedulerError {
  return new SchedulerError("method_not_allowed", `${path} does not answer ${method}.`, {
    hint:
      method === "OPTIONS"
        ? "POST JSON-RPC messages; from a web page, once its origin is in SCHEDULER_ALLOWED_ORIGINS."
        : "POST JSON-RPC messages; there are no sessions and no stream to open beforehand.",
  });
}
