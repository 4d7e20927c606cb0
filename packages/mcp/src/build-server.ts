import { randomUUID } from "node:crypto";
import type { Execute, OperationName, Toolset } from "@org/scheduler-contract";
import { Server } from "@modelcontextprotocol/server";
import type { Tool as ListedTool } from "@modelcontextprotocol/server";
import { callTool } from "./call-tool.ts";
import type { ErrorLog } from "@org/scheduler-http";
import { instructionsFor } from "./instructions.ts";
import { notOffered } from "./not-offered.ts";
import { selectTools, type Tool } from "./tools.ts";

export interface BuildServerOptions {
  /** Carries out the operations for whoever this server serves. */
  execute: Execute;
  /** Offer only tools that change nothing. */
  readOnly: boolean;
  /** Offer only these. All unless told. */
  toolsets?: readonly Toolset[];
  /** Which operations the caller may use at all: others are not shown, and whoever calls one is told why by it. */
  opens?: (name: OperationName) => boolean;
  info?: ServerInfo;
  log?: ErrorLog;
  /** Stands in the log beside an error. A new one for each call unless told. */
  requestId?: string;
}

export interface ServerInfo {
  name: string;
  version: string;
}

const defaultInfo: ServerInfo = { name: "scheduler", version: "0.1.0" };

/** The list depends on the token alone, so a client may keep it for a while. */
const cacheHint = { ttlMs: 300_000, cacheScope: "private" } as const;

/** An MCP server for one caller, whatever carries it: its tools are the contract's operations. */
export function buildServer(options: BuildServerOptions): Server {
  const { execute, readOnly, toolsets, info = defaultInfo, log, opens = () => true } = options;
  const tools = selectTools(readOnly, toolsets);
  const open = tools.filter(({ name }) => opens(name));
  const listed = { tools: open.map(toListed) };
  const server = new Server(info, {
    capabilities: { tools: { listChanged: false } },
    instructions: instructionsFor(
      open.map((tool) => tool.name),
      readOnly,
    ),
    cacheHints: { "tools/list": cacheHint, "server/discover": cacheHint },
  });
  // The server's own check of arguments knows no hints, and its own error for a tool no reason: both are ours.
  server.setRequestHandler("tools/list", () => listed);
  server.setRequestHandler("tools/call", ({ params }, { mcpReq }) => {
    const tool = tools.find(({ name }) => name === params.name);
    if (!tool) throw notOffered(params.name, { offered: open, readOnly });
    const { signal, _meta: meta } = mcpReq;
    const progressToken = meta?.progressToken;
    return callTool(tool, params.arguments, {
      execute: (operation, input, how) => execute(operation, input, { signal, ...how }),
      ...(progressToken !== undefined && {
        progress: (progress: number, total: number) =>
          mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total } }),
      }),
      requestId: options.requestId ?? randomUUID(),
      ...(log && { log }),
    });
  });
  return server;
}

function toListed({ name, title, description, annotations, inputSchema, outputSchema }: Tool): ListedTool {
  return { name, title, description, annotations, inputSchema, outputSchema } as ListedTool;
}
