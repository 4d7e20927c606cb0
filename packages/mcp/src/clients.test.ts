import type { Backend } from "@org/scheduler-contract";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OlderClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OlderTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { encode } from "gpt-tokenizer";
import { describe, expect, it } from "vitest";
import { createMcpHttp } from "./http.ts";
import type { McpHttpOptions } from "./http.ts";
import { createTestBackend, exampleJob, listBudget, readOnlyToken, token } from "./testing/backend.ts";
import { serve } from "./testing/serve.ts";

const info = { name: "test", version: "1.0.0" };

/** What a client sends, but for its token and for what it accepts. */
const bearer = (value: string, accept?: string) => ({
  requestInit: { headers: { Authorization: `Bearer ${value}` } },
  fetch: (url: string | URL | Request, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (accept !== undefined) headers.set("Accept", accept);
    return fetch(url, { ...init, headers });
  },
});

async function modern(url: string, value = token, accept?: string) {
  const client = new Client(info, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), bearer(value, accept)));
  return client;
}

async function negotiating(url: string, value = token, accept?: string) {
  const client = new Client(info, { versionNegotiation: { mode: "auto" } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), bearer(value, accept)));
  return client;
}

async function older(url: string, value = token, accept?: string) {
  const client = new OlderClient(info);
  await client.connect(new OlderTransport(new URL(url), bearer(value, accept)));
  return client;
}

async function setup(options?: McpHttpOptions) {
  const backend = createTestBackend();
  return { backend, server: await serve(createMcpHttp(backend, options)) };
}

const textOf = (result: unknown) => {
  const [content] = (result as { content: { text: string }[] }).content;
  return JSON.parse(content!.text) as Record<string, unknown>;
};

describe.each([
  ["2.x client on 2026-07-28", modern],
  ["2.x client that negotiates", negotiating],
  ["1.x client on 2025-11-25", older],
])("the %s", (_, connect) => {
  it("lists the tools with all that belongs to them, within their budget", async () => {
    const { server } = await setup();
    await using _server = server;
    const client = await connect(server.url);
    const list = await client.listTools();
    expect(list.tools.map((tool) => tool.name)).toContain("create_job");
    for (const tool of list.tools) {
      expect(tool).toMatchObject({ title: expect.any(String), outputSchema: { type: "object" } });
      expect(Object.keys(tool.annotations ?? {})).toHaveLength(4);
    }
    expect(encode(JSON.stringify({ tools: list.tools })).length).toBeLessThanOrEqual(
      listBudget(list.tools.length),
    );
    expect(client.getInstructions()).toContain("create_job");
    await client.close();
  });

  it("creates a job and finds it again", async () => {
    const { server, backend } = await setup();
    await using _server = server;
    const client = await connect(server.url);
    // The clients check structured answers against the output schemas of the list.
    await client.listTools();
    const args = { name: "nightly report", url: "https://api.example.com/sync", cron: "0 9 * * *" };
    const created = await client.callTool({ name: "create_job", arguments: args });
    expect(created.structuredContent).toMatchObject({ name: "nightly report", state: "active" });
    expect(textOf(created)).toEqual(created.structuredContent);
    const listed = await client.callTool({ name: "list_jobs", arguments: {} });
    expect(listed.structuredContent).toMatchObject({ data: [{ id: backend.jobs[0]!.id }], has_more: false });
    await client.close();
  });

  it("learns from an error what to do", async () => {
    const { server } = await setup();
    await using _server = server;
    const client = await connect(server.url);
    await client.listTools();
    const missing = await client.callTool({ name: "get_job", arguments: { job_id: "job_nope" } });
    expect(missing.isError).toBe(true);
    expect(textOf(missing)).toMatchObject({ code: "not_found", hint: expect.stringContaining("list_jobs") });
    const wrong = await client.callTool({ name: "list_jobs", arguments: { colour: "red" } });
    expect(wrong.isError).toBe(true);
    expect(textOf(wrong)).toMatchObject({ code: "invalid_input", errors: [{ field: "colour" }] });
    await expect(client.callTool({ name: "nope", arguments: {} })).rejects.toThrow(/There is no tool "nope"/);
    await client.close();
  });

  it.each(["application/json", "text/event-stream", "*/*"])("works where it accepts %s", async (accept) => {
    const { server, backend } = await setup();
    await using _server = server;
    const client = await connect(server.url, token, accept);
    await client.listTools();
    const args = { name: "nightly report", url: "https://api.example.com/sync", cron: "0 9 * * *" };
    const created = await client.callTool({ name: "create_job", arguments: args });
    expect(created.structuredContent).toMatchObject({ id: backend.jobs[0]!.id });
    const missing = await client.callTool({ name: "get_job", arguments: { job_id: "job_nope" } });
    expect(textOf(missing)).toMatchObject({ code: "not_found" });
    await expect(client.callTool({ name: "nope", arguments: {} })).rejects.toThrow(/There is no tool "nope"/);
    await client.close();
  });

  it.each([undefined, "application/json"])(
    "ends the wait when it goes away, accepting %s",
    async (accept) => {
      const asked = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      const execute: Backend["execute"] = (_name, _input, _caller, request) => {
        request!.signal!.addEventListener("abort", () => ended.resolve());
        asked.resolve();
        return ended.promise as Promise<never>;
      };
      await using server = await serve(createMcpHttp({ ...createTestBackend(), execute }));
      const client = await connect(server.url, token, accept);
      const args = { execution_id: "exec_1", wait_seconds: 50 };
      const call = client.callTool({ name: "wait_for_execution", arguments: args });
      await asked.promise;
      await client.close();
      await expect(call).rejects.toThrow(/closed|abort/i);
      await ended.promise;
    },
  );

  it("is refused with a bad token", async () => {
    const { server } = await setup();
    await using _server = server;
    await expect(connect(server.url, "nope")).rejects.toThrow(/unauthenticated|unauthorized|401/i);
  });

  it("is told by a bad token what to do, though it looks for OAuth", async () => {
    const { server } = await setup();
    await using _server = server;
    const authProvider = {
      redirectUrl: "http://localhost/callback",
      clientMetadata: { redirect_uris: ["http://localhost/callback"] },
      clientInformation: () => undefined,
      saveClientInformation: () => {},
      tokens: () => ({ access_token: "nope", token_type: "Bearer" }),
      saveTokens: () => {},
      redirectToAuthorization: () => {},
      saveCodeVerifier: () => {},
      codeVerifier: () => "",
    };
    const url = new URL(server.url);
    const transport =
      connect === older
        ? new OlderTransport(url, { authProvider })
        : new StreamableHTTPClientTransport(url, { authProvider });
    const client = connect === older ? new OlderClient(info) : new Client(info);
    await expect(client.connect(transport as never)).rejects.toThrow(/There is no OAuth here.*cron_pat_/s);
  });

  it("sees only what its token and its address allow", async () => {
    const { server, backend } = await setup();
    await using _server = server;
    backend.jobs.push(exampleJob());
    const reader = await connect(`${server.url}?toolsets=jobs`, readOnlyToken);
    const { tools } = await reader.listTools();
    expect(tools.map((tool) => tool.name)).toEqual([
      "list_jobs",
      "get_job",
      "explain_job",
      "preview_schedule",
    ]);
    expect(reader.getInstructions()).not.toContain("create_job schedules");
    await expect(reader.callTool({ name: "delete_job", arguments: { job_id: "x" } })).rejects.toThrow(
      /delete_job is not offered: this connection/,
    );
    expect(backend.jobs).toHaveLength(1);
    await reader.close();
  });

  it("finds a server of one toolset alone", async () => {
    const { server } = await setup({ info: { name: "named", version: "9.9.9" } });
    await using _server = server;
    const client = await connect(`${server.url}?toolsets=agents`);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      "list_agents",
      "register_agent",
    ]);
    expect(client.getServerVersion()).toMatchObject({ name: "named", version: "9.9.9" });
    await client.close();
  });
});
