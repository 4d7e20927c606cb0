import { createServer } from "node:http";
import { request as httpRequest } from "node:http";
import { describe, expect, it } from "vitest";
import { createMcpHttp } from "./http.ts";
import { readNarrowing } from "./narrowing.ts";
import { createTestBackend, readOnlyToken, token } from "./testing/backend.ts";
import { serve } from "./testing/serve.ts";

const listTools = { jsonrpc: "2.0", id: 1, method: "tools/list" };

interface Asked {
  headers?: Record<string, string>;
  body?: string;
  method?: string;
  query?: string;
}

/** A request as a 2025 client would make it, unless told otherwise. */
async function ask(url: string, { headers, body, method = "POST", query = "" }: Asked = {}) {
  const response = await fetch(url + query, {
    method,
    headers: {
      Accept: "application/json, text/event-stream",
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      ...headers,
    },
    ...(method === "POST" && { body: body ?? JSON.stringify(listTools) }),
  });
  const text = await response.text();
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? text;
  return { status: response.status, headers: response.headers, json: JSON.parse(data) as Json };
}

type Json = Record<string, unknown>;

async function toolNames(url: string, asked: Asked = {}): Promise<string[]> {
  const { json } = await ask(url, asked);
  return (json["result"] as { tools: { name: string }[] }).tools.map((tool) => tool.name);
}

/** `fetch` sets Host by itself. */
function statusForHost(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { Host: host, Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const request = httpRequest(
      url,
      { method: "POST", headers: { ...headers, Accept: "*/*" } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    request.on("error", reject);
    request.end(JSON.stringify(listTools));
  });
}

describe("the token", () => {
  it.each([
    ["none", { Authorization: "" }, 'Bearer realm="scheduler"'],
    [
      "a wrong one",
      { Authorization: "Bearer nope" },
      'Bearer realm="scheduler", error="invalid_token", error_description="The token is missing or not valid."',
    ],
    ["another scheme", { Authorization: `Basic ${token}` }, expect.stringContaining("Bearer")],
  ])("%s is answered with 401 and how to do it", async (_, headers, challenge) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const answer = await ask(server.url, { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("WWW-Authenticate")).toEqual(challenge);
    expect(answer.headers.get("Content-Type")).toBe("application/problem+json; charset=utf-8");
    expect(answer.json).toMatchObject({ code: "unauthenticated", hint: expect.any(String) });
    expect(answer.json["request_id"]).toBe(answer.headers.get("X-Request-Id"));
  });

  it.each([`?token=${token}`, `?access_token=${token}`, `?api_key=${token}`])(
    "is not looked for in the query: %s",
    async (query) => {
      await using server = await serve(createMcpHttp(createTestBackend()));
      const { status } = await ask(server.url, { query, headers: { Authorization: "" } });
      expect(status).toBe(401);
    },
  );
});

describe("a foreign name", () => {
  it.each(["https://evil.example", "null", "http://localhost.evil.example"])(
    "as Origin %s is refused",
    async (origin) => {
      await using server = await serve(createMcpHttp(createTestBackend()));
      const { status, json } = await ask(server.url, { headers: { Origin: origin } });
      expect(status).toBe(403);
      expect(json).toMatchObject({ code: "forbidden", hint: expect.stringContaining("localhost") });
    },
  );

  it("as Host is refused, unless it is one of ours", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    expect(await statusForHost(server.url, "evil.example")).toBe(403);
    await using ours = await serve(
      createMcpHttp(createTestBackend(), { allowedHosts: ["Jobs.example:443"] }),
    );
    expect(await statusForHost(ours.url, "jobs.example")).not.toBe(403);
    expect(await statusForHost(ours.url, "evil.example")).toBe(403);
    await using any = await serve(createMcpHttp(createTestBackend(), { allowedHosts: ["*"] }));
    expect(await statusForHost(any.url, "whatever.example")).not.toBe(403);
    expect((await ask(any.url, { headers: { Origin: "https://evil.example" } })).status).toBe(403);
  });

  it("of loopback is welcome", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    expect((await ask(server.url, { headers: { Origin: "http://localhost:6274" } })).status).toBe(200);
  });
});

describe("a page of a named origin", () => {
  const origin = "https://app.example";
  const options = { allowedOrigins: [origin], allowedHosts: [] };

  it("may send every header that is read here", async () => {
    await using server = await serve(createMcpHttp(createTestBackend(), options));
    const asked = { Origin: origin, "Access-Control-Request-Method": "POST" };
    const { status, headers } = await fetch(server.url, { method: "OPTIONS", headers: asked });
    expect(status).toBe(204);
    expect(headers.get("Access-Control-Allow-Origin")).toBe(origin);
    expect(headers.get("Access-Control-Allow-Methods")).toContain("POST");
    const allowed = headers.get("Access-Control-Allow-Headers")!.toLowerCase().split(", ");
    const ours: string[] = [];
    readNarrowing(new URLSearchParams(), (name) => void ours.push(name));
    const others = ["authorization", "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id"];
    expect(allowed).toEqual(expect.arrayContaining([...ours, ...others, "last-event-id"]));
  });

  it("may read results and errors; another one is refused", async () => {
    await using server = await serve(createMcpHttp(createTestBackend(), options));
    const answers = [
      await ask(server.url, { headers: { Origin: origin } }),
      await ask(server.url, { headers: { Origin: origin, Authorization: "" } }),
      await ask(server.url, { headers: { Origin: origin, Accept: "text/html" } }),
      await ask(server.url, { headers: { Origin: origin }, body: "{" }),
      await ask(server.url, { headers: { Origin: origin }, method: "GET" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 406, 400, 405]);
    for (const { headers } of answers) {
      expect(headers.get("Access-Control-Allow-Origin")).toBe(origin);
      expect(headers.get("Access-Control-Expose-Headers")).toContain("WWW-Authenticate");
      expect(headers.get("Vary")).toBe("Origin");
    }
    const other = await ask(server.url, { headers: { Origin: "https://evil.example" } });
    expect([other.status, other.headers.get("Access-Control-Allow-Origin")]).toEqual([403, null]);
  });

  it("is told how to become one", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const headers = { Origin: "http://localhost:6274", "Access-Control-Request-Method": "POST" };
    const { status, json } = await ask(server.url, { method: "OPTIONS", headers });
    expect(status).toBe(405);
    expect(json).toMatchObject({ hint: expect.stringContaining("SCHEDULER_ALLOWED_ORIGINS") });
  });
});

describe("narrowing", () => {
  const reading = ["list_executions", "get_execution", "wait_for_execution"];

  it.each<[string, Asked]>([
    ["query", { query: "?toolsets=executions&readonly=1" }],
    ["headers", { headers: { "X-MCP-Toolsets": "executions", "X-MCP-Readonly": "true" } }],
    ["repetition", { query: "?toolsets=executions&toolsets=secrets&readonly=0&readonly=1" }],
    ["both", { query: "?toolsets=jobs,executions", headers: { "X-MCP-Toolsets": "executions, agents" } }],
  ])("by %s leaves what both sides agree on", async (how, asked) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const names = await toolNames(server.url, asked);
    expect(names).toEqual(
      how === "both"
        ? [...reading, "replay_execution", "cancel_execution", "replay_executions"]
        : how === "repetition"
          ? [...reading, "list_secrets"]
          : reading,
    );
  });

  it("never gives a read-only token more", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const headers = { Authorization: `Bearer ${readOnlyToken}`, "X-MCP-Readonly": "false" };
    const names = await toolNames(server.url, { headers, query: "?readonly=0" });
    expect(names).toContain("list_jobs");
    expect(names).not.toContain("create_job");
    const params = { name: "create_job", arguments: { name: "n", url: "https://api.example.com" } };
    const body = JSON.stringify({ ...listTools, method: "tools/call", params });
    const { json } = await ask(server.url, { headers, body });
    expect(json).toMatchObject({ error: { code: -32602 } });
  });

  it.each([
    ["?toolsets=jobs,exections", { field: "toolsets", hint: expect.stringContaining("jobs, executions") }],
    ["?toolsets=", { field: "toolsets" }],
    ["?readonly=yes", { field: "readonly" }],
    ["?read_only=true", { field: "read_only", hint: expect.stringContaining("toolsets and readonly") }],
  ])("by %s is a mistake that is told", async (query, problem) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const { status, json } = await ask(server.url, { query });
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: "invalid_input", status: 400, ...problem });
  });
});

describe("a request", () => {
  it.each(["GET", "DELETE", "PUT"])("by %s is answered with 405", async (method) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const { status, headers, json } = await ask(server.url, { method });
    expect(status).toBe(405);
    expect(headers.get("Allow")).toBe("POST");
    expect(json).toMatchObject({ code: "method_not_allowed" });
  });

  it("larger than 1 MB is answered with 413", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const { status, json } = await ask(server.url, { body: JSON.stringify("x".repeat(3_000_000)) });
    expect(status).toBe(413);
    expect(json).toMatchObject({ code: "payload_too_large", hint: expect.stringContaining("256 KB") });
  });

  it.each(["{", "", '{"jsonrpc": "2.0",}'])("of %o is no JSON and answered with 400", async (body) => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const { status, json } = await ask(server.url, { body });
    expect(status).toBe(400);
    expect(json).toMatchObject({
      code: "invalid_json",
      hint: expect.stringContaining("jsonrpc"),
      error: { code: -32700 },
    });
  });

  it("that is not announced as JSON is answered with 415", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const { status, json } = await ask(server.url, { headers: { "Content-Type": "text/plain" } });
    expect(status).toBe(415);
    expect(json).toMatchObject({ code: "unsupported_media_type" });
  });

  it("keeps the id it came with", async () => {
    await using server = await serve(createMcpHttp(createTestBackend()));
    const body = JSON.stringify({ ...listTools, method: "tools/call", params: { name: "get_job" } });
    const answer = await ask(server.url, { body, headers: { "X-Request-Id": "mine-1" } });
    expect(answer.headers.get("X-Request-Id")).toBe("mine-1");
    const [content] = (answer.json["result"] as { content: { text: string }[] }).content;
    expect(JSON.parse(content!.text)).toMatchObject({ errors: [{ field: "job_id" }] });
  });

  it("to an unknown path is passed on", async () => {
    const mcp = createMcpHttp(createTestBackend());
    const server = createServer((request, response) => {
      void mcp(request, response, () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect((await fetch(`http://127.0.0.1:${port}/v1/jobs`)).status).toBe(204);
    expect((await fetch(`http://127.0.0.1:${port}/mcp`)).status).toBe(405);
    server.close();
    server.closeAllConnections();
  });

  it("meets a fault of ours without seeing it", async () => {
    const logged: object[] = [];
    const authenticate = () => Promise.reject(new Error("secret-of-the-machine-room"));
    const backend = { ...createTestBackend(), authenticate };
    const log = { error: (details: object) => void logged.push(details) };
    await using server = await serve(createMcpHttp(backend, { log }));
    const { status, json } = await ask(server.url);
    expect(status).toBe(500);
    expect(JSON.stringify(json)).not.toContain("secret-of-the-machine-room");
    expect(logged).toHaveLength(1);
  });
});
