import { randomUUID } from "node:crypto";
import type { Execute, Toolset } from "@org/scheduler-contract";
import { McpServer } from "@modelcontextprotocol/server";
import type { StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import { callTool } from "./call-tool.ts";
import type { ErrorLog } from "@org/scheduler-http";
import type { JsonSchema } from "./compact-schema.ts";
import { instructionsFor } from "./instructions.ts";
import { selectTools } from "./tools.ts";

export interface BuildServerOptions {
  /** Carries out the operations for whoever this server serves. */
  execute: Execute;
  /** Offer only tools that change nothing. */
  readOnly: boolean;
  /** Offer only these. All unless told. */
  toolsets?: readonly Toolset[];
  info?: ServerInfo;
  log?: ErrorLog;
  /** Stands in every error's answer. A new one for each call unless told. */
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
export function buildServer(options: BuildServerOptions): McpServer {
  const { execute, readOnly, toolsets, info = defaultInfo, log } = options;
  const tools = selectTools(readOnly, toolsets);
  const server = new McpServer(info, {
    capabilities: { tools: { listChanged: false } },
    instructions: instructionsFor(tools.map((tool) => tool.name)),
    cacheHints: { "tools/list": cacheHint, "server/discover": cacheHint },
  });
  for (const tool of tools) {
    const { name, title, description, annotations } = tool;
    const inputSchema = advertise(tool.inputSchema);
    const outputSchema = advertise(tool.outputSchema);
    const config = { title, description, inputSchema, outputSchema, annotations };
    server.registerTool(name, config, (args) =>
      callTool(tool, args, {
        execute,
        requestId: options.requestId ?? randomUUID(),
        ...(log && { log }),
      }),
    );
  }
  return server;
}

/** Shows a schema and lets everything through: our own check has hints, the SDK's does not. */
function advertise(schema: JsonSchema): StandardSchemaWithJSON {
  const show = () => ({ ...schema });
  return {
    "~standard": {
      version: 1,
      vendor: "scheduler",
      validate: (value) => ({ value }),
      jsonSchema: { input: show, output: show },
    },
  };
}
