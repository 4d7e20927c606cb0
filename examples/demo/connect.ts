import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

/** The scheduler's tools, as an agent would use them. */
export interface Tools extends AsyncDisposable {
  /** What a tool answers. Throws what it complains of. */
  call<Answer>(name: string, args: object): Promise<Answer>;
}

export async function connect({ url, token }: { url: string; token: string }): Promise<Tools> {
  const client = new Client({ name: "demo", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", url), { requestInit }));
  return {
    async call<Answer>(name: string, args: object) {
      const result = await client.callTool({ name, arguments: { ...args } });
      if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
      return result.structuredContent as Answer;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
