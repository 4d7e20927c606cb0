import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OlderClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OlderTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { expect, test } from "vitest";
import { createMcpHttp } from "./http.ts";
import { createTestBackend, exampleExecution, token } from "./testing/backend.ts";
import { serve } from "./testing/serve.ts";

const info = { name: "test", version: "1.0.0" };
const bearer = { requestInit: { headers: { Authorization: `Bearer ${token}` } } };

async function modern(url: string) {
  const client = new Client(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), bearer));
  return client;
}

async function older(url: string) {
  const client = new OlderClient(info);
  await client.connect(new OlderTransport(new URL(url), bearer));
  return client;
}

test.concurrent.each([
  ["2026-07-28", modern],
  ["2025-11-25", older],
])(
  "whoever waits on %s is told how long it takes, and how it ended",
  { timeout: 30_000 },
  async (_, connect) => {
    const backend = createTestBackend();
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const { execute } = backend;
    backend.execute = async (name, input, caller) => {
      if (name === "wait_for_execution") await over;
      return execute(name, input, caller);
    };
    const { id } = exampleExecution();
    backend.executions.push(exampleExecution());
    await using served = await serve(createMcpHttp(backend));
    const client = await connect(served.url);
    const told: object[] = [];
    const onprogress = (progress: object): void => {
      told.push(progress);
      end();
    };
    const call = { name: "wait_for_execution", arguments: { execution_id: id, wait_seconds: 3600 } };
    // The 1.x client has the schema of the result in between.
    const result =
      client instanceof OlderClient
        ? await client.callTool(call, undefined, { onprogress })
        : await client.callTool(call, { onprogress });
    expect(told).toEqual([{ progress: 5, total: 50 }]);
    expect(result.structuredContent).toMatchObject({
      note: "wait_seconds is at most 50",
      status: "succeeded",
    });
    expect(backend.calls.at(-1)).toMatchObject({ input: { wait_seconds: 50 } });
    await client.close();
  },
);
