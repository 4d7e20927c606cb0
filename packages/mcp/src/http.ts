import type { IncomingMessage, ServerResponse } from "node:http";
import type { Backend, CallerView } from "@org/scheduler-contract";
import { SchedulerError } from "@org/scheduler-contract";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, ProtocolError } from "@modelcontextprotocol/server";
import type { AuthInfo } from "@modelcontextprotocol/server";
import { buildServer } from "./build-server.ts";
import type { BuildServerOptions, ServerInfo } from "./build-server.ts";
import type { ErrorLog } from "./call-tool.ts";
import { type InvalidParams, invalidParams } from "./check-message.ts";
import { checkHost } from "./host-check.ts";
import { readNarrowing } from "./narrowing.ts";
import { readJson } from "./read-body.ts";
import { refuse } from "./refuse.ts";
import { bearerToken, requestIdOf, urlOf } from "./request.ts";

export interface McpHttpOptions {
  /** Names besides loopback's under which clients reach the server, without port; `*` for any. */
  allowedHosts?: readonly string[];
  log?: ErrorLog;
  info?: ServerInfo;
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
  { allowedHosts = [], log, info }: McpHttpOptions = {},
): McpHttp {
  const onerror = (error: Error) => {
    if (!isClientFault(error)) log?.error({ err: error }, "mcp over http");
  };
  const servers = new WeakMap<AuthInfo, BuildServerOptions>();
  const mcp = createMcpHandler(({ authInfo }) => buildServer(servers.get(authInfo!)!), { onerror });
  const serve = toNodeHandler(mcp, { onerror });

  async function admit(request: IncomingMessage, requestId: string): Promise<BuildServerOptions> {
    checkHost(request.headers, allowedHosts);
    if (request.method !== "POST") throw methodNotAllowed(request.method);
    const caller = await backend.authenticate(bearerToken(request));
    const narrowing = readNarrowing(urlOf(request).searchParams, (name) => request.headers[name]?.toString());
    return {
      execute: (name, input) => backend.execute(name, input, caller),
      requestId,
      ...narrowing,
      readOnly: narrowing.readOnly || caller.readOnly,
      ...(info && { info }),
      ...(log && { log }),
    };
  }

  async function handle(request: IncomingMessage, response: ServerResponse, next?: () => void) {
    if (next && urlOf(request).pathname.replace(/\/$/, "") !== path) return next();
    const requestId = requestIdOf(request, response);
    try {
      const server = await admit(request, requestId);
      const body = await readJson(request);
      const invalid = invalidParams(body);
      if (invalid) return answerInvalid(request, response, invalid);
      // The handler passes on what it finds in `auth`; the token itself stays here.
      const auth: AuthInfo = { token: "", clientId: "", scopes: [] };
      servers.set(auth, server);
      await serve(Object.assign(request, { auth }), response, body);
    } catch (error) {
      refuse(response, error, { requestId, ...(log && { log }) });
    }
  }

  return Object.assign(handle, { close: mcp.close });
}

/** Since the revision of 2026 an error is a status too; before, one that has a message's id came with 200. */
function answerInvalid(request: IncomingMessage, response: ServerResponse, answer: InvalidParams): void {
  const revision = request.headers["mcp-protocol-version"]?.toString() ?? "";
  const status = revision >= "2026" || answer.id === null ? 400 : 200;
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(answer));
}

/** Those it answered itself; the handler reports them like its own failures. */
function isClientFault(error: Error): boolean {
  return error instanceof ProtocolError || error.message.startsWith("Rejected ");
}

function methodNotAllowed(method = "this method"): SchedulerError {
  return new SchedulerError("method_not_allowed", `${path} does not answer ${method}.`, {
    hint: "POST JSON-RPC messages; there are no sessions and no stream to open beforehand.",
  });
}
