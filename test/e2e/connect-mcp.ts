import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OlderClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OlderTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Json } from "./ask.ts";

/** An MCP client of either line, as far as the tests need one. */
export interface Mcp extends AsyncDisposable {
  tools(): Promise<Tool[]>;
  /** What a tool answers, or the problem that it reports. */
  call(name: string, args: object): Promise<{ isError: boolean; json: Json }>;
}

interface Tool {
  name: string;
  title?: string | undefined;
  annotations?: object | undefined;
  outputSchema?: object | undefined;
}

type Connect = (at: { url: string; token: string }) => Promise<Mcp>;

const info = { name: "e2e", version: "1.0.0" };
const bearer = (token: string) => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } });

const connectModern: Connect = async ({ url, token }) => {
  const client = new Client(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", url), bearer(token)));
  return toMcp(client);
};

const connectOlder: Connect = async ({ url, token }) => {
  const client = new OlderClient(info);
  await client.connect(new OlderTransport(new URL("/mcp", url), bearer(token)));
  return toMcp(client);
};

/** The two lines of MCP clients, and the revision that each speaks. */
export const mcpLines: [name: string, connect: Connect][] = [
  ["the 2.x client on 2026-07-28", connectModern],
  ["the 1.x client on 2025-11-25", connectOlder],
];

export { connectModern as connectMcp };

function toMcp(client: Client | OlderClient): Mcp {
  return {
    tools: async () => (await client.listTools()).tools,
    async call(name, args) {
      const result = await client.callTool({ name, arguments: { ...args } });
      const [content] = result.content as { text: string }[];
      return { isError: result.isError === true, json: JSON.parse(content!.text) as Json };
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
