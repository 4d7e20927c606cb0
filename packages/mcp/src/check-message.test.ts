import { expect, test } from "vitest";
import { createMcpHttp } from "./http.ts";
import { createTestBackend, token } from "./testing/backend.ts";
import { serve } from "./testing/serve.ts";

const deep = (opening: string, closing: string, levels = 5000): string =>
  `${opening.repeat(levels)}1${closing.repeat(levels)}`;
const call = (params: string): string => `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":${params}}`;
const list = (params: string): string => `{"jsonrpc":"2.0","id":7,"method":"tools/list","params":${params}}`;
const initialize = (params: string): string =>
  `{"jsonrpc":"2.0","id":7,"method":"initialize","params":${params}}`;

const wrong: [what: string, body: string][] = [
  ["arguments nested deep", call(`{"name":"create_job","arguments":{"body":${deep("[", "]")}}}`)],
  ["arguments nested deep in objects", call(`{"name":"create_job","arguments":${deep('{"a":', "}")}}`)],
  ["_meta nested deep", call(`{"name":"list_jobs","_meta":{"x":${deep("[", "]")}}}`)],
  ["params nested deep", list(deep("[", "]", 100_000))],
  ["a list for params", call("[]")],
  ["a text for params", call('"list_jobs"')],
  ["a number for a name", call('{"name":5}')],
  ["no name", call('{"arguments":{}}')],
  ["a list for arguments", call('{"name":"list_jobs","arguments":[]}')],
  ["a number for _meta", call('{"name":"list_jobs","_meta":5}')],
  ["a number for a cursor", list('{"cursor":5}')],
  ["nothing to initialize with", initialize("{}")],
  [
    "a number for a version",
    initialize('{"protocolVersion":5,"capabilities":{},"clientInfo":{"name":"a","version":"1"}}'),
  ],
  [
    "a client without a version",
    initialize('{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a"}}'),
  ],
  ["one of a batch", `[${list("{}")},${call("5")}]`],
];

async function post(url: string, body: string, revision?: string) {
  const headers = {
    Accept: "application/json, text/event-stream",
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
    ...(revision && { "MCP-Protocol-Version": revision }),
  };
  const response = await fetch(url, { method: "POST", headers, body });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

test.each(wrong)("%s is told as invalid params, with what to send", async (_, body) => {
  const errors: object[] = [];
  const mcp = createMcpHttp(createTestBackend(), { log: { error: (details) => void errors.push(details) } });
  await using served = await serve(mcp);
  for (const [revision, status] of [
    [undefined, 200],
    ["2025-06-18", 200],
    ["2026-07-28", 400],
  ] as const) {
    const answer = await post(served.url, body, revision);
    expect(answer).toMatchObject({
      status,
      json: {
        jsonrpc: "2.0",
        id: 7,
        error: {
          code: -32602,
          message: expect.stringMatching(/^Invalid params: .+\. .+/) as string,
          data: { hint: expect.any(String) as string },
        },
      },
    });
  }
  expect(errors).toEqual([]);
});

test("what has no id is answered for nobody, and not with a fault of ours", async () => {
  await using served = await serve(createMcpHttp(createTestBackend()));
  expect(await post(served.url, deep("[", "]"))).toMatchObject({
    status: 400,
    json: { id: null, error: { code: -32602 } },
  });
});

test("a hundred levels are let through", async () => {
  const backend = createTestBackend();
  await using served = await serve(createMcpHttp(backend));
  const body = call(
    `{"name":"create_job","arguments":{"name":"a","url":"https://a.example","body":${deep("[", "]", 80)}}}`,
  );
  const headers = {
    Accept: "application/json, text/event-stream",
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/json",
  };
  const response = await fetch(served.url, { method: "POST", headers, body });
  expect(response.status).toBe(200);
  expect(await response.text()).not.toContain("-32602");
  expect(backend.calls).toHaveLength(1);
});
