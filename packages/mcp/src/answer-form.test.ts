import { describe, expect, it } from "vitest";
import { createMcpHttp } from "./http.ts";
import { createTestBackend, exampleJob, token } from "./testing/backend.ts";
import { serve } from "./testing/serve.ts";

interface Asked {
  method: string;
  params?: Record<string, unknown>;
  id?: number;
}

const revision = "2026-07-28";
const prefix = "io.modelcontextprotocol";
const envelope = {
  [`${prefix}/protocolVersion`]: revision,
  [`${prefix}/clientInfo`]: { name: "test", version: "1" },
  [`${prefix}/clientCapabilities`]: {},
};

/** Lays a message out as a client of one revision does: its headers, its body. */
const eras: Record<string, (asked: Asked) => { headers: Record<string, string>; message: object }> = {
  "2025-11-25": (asked) => ({
    headers: { "MCP-Protocol-Version": "2025-11-25" },
    message: { jsonrpc: "2.0", ...asked },
  }),
  [revision]: ({ method, params, ...asked }) => ({
    headers: {
      "MCP-Protocol-Version": revision,
      "Mcp-Method": method,
      ...(typeof params?.["name"] === "string" && { "Mcp-Name": params["name"] }),
    },
    message: { jsonrpc: "2.0", method, ...asked, params: { ...params, _meta: envelope } },
  }),
};

async function post(url: string, body: unknown, headers: Record<string, string>) {
  const response = await fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const type = response.headers.get("Content-Type");
  const messages =
    type === "text/event-stream"
      ? text.split("\n").flatMap((line) => (line.startsWith("data: ") ? [JSON.parse(line.slice(6))] : []))
      : text && JSON.parse(text);
  return { status: response.status, type, messages };
}

const list: Asked = { id: 1, method: "tools/list" };
const call: Asked = {
  id: "two" as never,
  method: "tools/call",
  params: { name: "list_jobs", arguments: {} },
};
const failing: Asked = { id: 3, method: "tools/call", params: { name: "nope", arguments: {} } };
const unknown: Asked = { id: 4, method: "nothing/such" };
const misshapen: Asked = { id: 5, method: "tools/call", params: { name: "list_jobs", arguments: [] } };

const asJson = [
  "application/json",
  "Application/JSON; charset=UTF-8",
  "*/*",
  "application/*",
  "text/html, */*;q=0.1",
  "text/event-stream;q=0, */*",
  "application/json, text/event-stream;q=0.9",
];
const asStream = [
  "text/event-stream",
  "TEXT/Event-Stream;q=0.5",
  "text/*",
  "application/json;q=0, */*",
  "application/json;q=0.1, text/event-stream",
];
const asNothing = ["text/html", "application/json;q=0", "*/*;q=0", "application/xml, text/plain"];

describe.each(Object.keys(eras))("on %s", (era) => {
  const ask = (url: string, asked: Asked, accept: string) => {
    const { headers, message } = eras[era]!(asked);
    return post(url, message, { ...headers, Accept: accept });
  };

  it.each(asJson)("Accept: %s is answered with JSON, errors too", async (accept) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    for (const asked of [list, call, failing, unknown, misshapen]) {
      const { type, messages } = await ask(server.url, asked, accept);
      expect(type).toBe("application/json");
      expect(messages).toMatchObject({ jsonrpc: "2.0", id: asked.id });
    }
  });

  it.each(asStream)("Accept: %s is answered with an event stream, errors too", async (accept) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    for (const asked of [list, call, failing, unknown, misshapen]) {
      const { type, messages } = await ask(server.url, asked, accept);
      expect(type).toBe("text/event-stream");
      expect(messages).toMatchObject([{ jsonrpc: "2.0", id: asked.id }]);
    }
  });

  it("says the same in every form, with the same status", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    for (const asked of [list, call, failing, unknown, misshapen]) {
      const json = await ask(server.url, asked, "application/json");
      const stream = await ask(server.url, asked, "text/event-stream");
      const both = await ask(server.url, asked, "application/json, text/event-stream");
      expect(stream.messages).toEqual([json.messages]);
      expect([both.messages].flat()).toEqual([json.messages]);
      expect([stream.status, both.status]).toEqual([json.status, json.status]);
    }
  });

  it.each(asNothing)("Accept: %s is answered with 406 and what to send", async (accept) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    expect(await ask(server.url, list, accept)).toMatchObject({
      status: 406,
      type: "application/problem+json; charset=utf-8",
      messages: {
        code: "not_acceptable",
        hint: expect.stringContaining("Accept: application/json, text/event-stream"),
      },
    });
  });

  it.each([...asJson, ...asStream])("a notification with Accept: %s is answered with 202", async (accept) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const answer = await ask(server.url, { method: "notifications/cancelled" }, accept);
    expect(answer).toEqual({ status: 202, type: null, messages: "" });
  });

  it("a subscription is never waited for: it is a stream or refused", async () => {
    const mcp = createMcpHttp(createTestBackend());
    await using server = await serve(mcp);
    const listen: Asked = { id: 6, method: "subscriptions/listen", params: { notifications: {} } };
    expect(await ask(server.url, listen, "application/json")).toMatchObject({
      status: 406,
      messages: { code: "not_acceptable", detail: expect.stringContaining("subscriptions/listen") },
    });
    const { headers, message } = eras[era]!(listen);
    const response = await fetch(server.url, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers },
      body: JSON.stringify(message),
    });
    expect(response.headers.get("Content-Type")).toBe("text/event-stream");
    await response.body!.cancel();
  });
});

describe("a batch", () => {
  const batch = [list, call, unknown, { method: "notifications/cancelled" }].map((asked) => ({
    jsonrpc: "2.0",
    ...asked,
  }));
  const ids = [1, "two", 4];

  it.each(["application/json", "text/event-stream"])("is answered in full as %s", async (accept) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const { status, type, messages } = await post(server.url, batch, { Accept: accept });
    expect({ status, type }).toEqual({ status: 200, type: accept });
    expect((messages as { id: unknown }[]).map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    expect(messages).toHaveLength(3);
  });

  it("of one is answered with a list of one; of notifications, with nothing", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const one = await post(server.url, batch.slice(0, 1), { Accept: "application/json" });
    expect(one.messages).toMatchObject([{ id: 1 }]);
    const none = await post(server.url, batch.slice(3), { Accept: "application/json" });
    expect(none).toEqual({ status: 202, type: null, messages: "" });
  });
});

it("a text that could pass for the end of a line or an event arrives as it is", async () => {
  const backend = createTestBackend();
  const description = 'a\u2028b\u2029c\nd\r\n\ndata: {"jsonrpc":"2.0","id":9,"result":{}}\n\n';
  const { id } = backend.jobs[backend.jobs.push(exampleJob({ description })) - 1]!;
  await using server = await serve(createMcpHttp(backend));
  const args = { job_id: id, response_format: "detailed" };
  const asked = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "get_job", arguments: args } };
  const { messages } = await post(server.url, asked, { Accept: "application/json" });
  expect(messages).toMatchObject({ id: 1, result: { structuredContent: { description } } });
});
