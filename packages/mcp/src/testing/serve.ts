import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { McpHttp } from "../http.ts";

export interface Served {
  url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Puts the handler on a port of its own. */
export async function serve(mcp: McpHttp): Promise<Served> {
  const server = createServer((request, response) => void mcp(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      await mcp.close();
      server.close();
      server.closeAllConnections();
    },
  };
}
