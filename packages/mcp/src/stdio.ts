import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { StdioServerHandle } from "@modelcontextprotocol/server/stdio";
import { buildServer } from "./build-server.ts";
import type { BuildServerOptions } from "./build-server.ts";

/** Serves MCP over this process's standard input and output, to whoever started it. */
export function serveMcpStdio(options: BuildServerOptions): StdioServerHandle {
  const onerror = (error: Error) => options.log?.error({ err: error }, "mcp over stdio");
  return serveStdio(() => buildServer(options), { onerror });
}
