import assert from "node:assert/strict";
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { ask, type Asked, type Json } from "./ask.ts";
import { mcpLines } from "./connect-mcp.ts";
import { expectProblemAnswer } from "./problem.ts";

const server = inject("server");

const job = { name: "refused", url: "https://api.example.com/sync", when: "24h" };

/** Where each face takes a job, and the request that would make one. */
const faces: [face: string, path: string, body: Json][] = [
  ["REST", "/v1/jobs", job],
  [
    "MCP",
    "/mcp",
    { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "create_job", arguments: job } },
  ],
];

describe.each(faces)("over %s", (face, path, body) => {
  const send = (asked: Asked) => {
    const headers = { Accept: "application/json, text/event-stream", ...asked.headers };
    return ask(server.url + path, { token: server.token, body, ...asked, headers });
  };

  const jobs = async () =>
    (await ask(`${server.url}/v1/jobs?name=${job.name}`, { token: server.token })).json;
  let before: Json;
  beforeEach(async () => void (before = await jobs()));
  afterEach(async () => assert.deepEqual(await jobs(), before, "nothing is written"));

  test("no token, or none that opens anything, is answered with 401 and a challenge", async () => {
    const tokens = [
      undefined,
      "nonsense",
      "cron_pat_00000000000000000000000000000000",
      "eyJhbGciOiJub25lIn0.e30.",
    ];
    for (const token of tokens) {
      const answer = await send({ token });
      expectProblemAnswer(answer, { status: 401, code: "unauthenticated" });
      const invalid =
        token === undefined ? "" : ', error="invalid_token", error_description="This token is unknown."';
      expect(answer.headers.get("WWW-Authenticate")).toBe(`Bearer realm="scheduler"${invalid}`);
    }
  });

  test("malformed JSON is answered with 400", async () => {
    for (const text of ["{", '{"name": "a",}', "name=a", "\u{FFFD}{}"]) {
      const answer = await send({ body: text });
      // Over MCP, JSON-RPC's own members stand beside the problem's.
      const { jsonrpc: _, id: _id, error: _error, ...json } = answer.json;
      expectProblemAnswer({ ...answer, json }, { status: 400, code: "invalid_json" });
    }
  });

  test("a request over 1 MB is answered with 413", async () => {
    const answer = await send({ body: { ...body, padding: "x".repeat(1024 * 1024) } });
    expectProblemAnswer(answer, { status: 413, code: "payload_too_large" });
  });

  test("another content type is answered with 415", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      const answer = await send({ headers: { "Content-Type": type } });
      expectProblemAnswer(answer, { status: 415, code: "unsupported_media_type" });
    }
  });

  test("another method is answered with 405 and those that work", async () => {
    const answer = await send({ method: "PUT" });
    expectProblemAnswer(answer, { status: 405, code: "method_not_allowed" });
    expect(answer.headers.get("Allow")).toContain("POST");
  });

  test("an unknown route is answered with 404", async () => {
    const answer = await ask(`${server.url}${path}/nothing/here`, { token: server.token, body });
    expectProblemAnswer(answer, { status: 404, code: "not_found" });
  });

  test.each([
    [{ Host: "evil.example" }],
    [{ Host: "127.0.0.1.evil.example" }],
    [{ Origin: "https://evil.example" }],
    [{ Origin: "null" }],
  ])("%o is answered with 403", async (headers) => {
    const answer = await sendRaw(path, body, headers);
    expect(answer).toMatchObject({
      status: 403,
      json: { code: "forbidden", hint: expect.stringMatching(/\S/) },
    });
  });

  test("a page of an origin in the settings may ask, and reads what it is answered", async () => {
    const origin = "https://app.example";
    const asked = { Origin: origin, "Access-Control-Request-Method": "POST" };
    const preflight = await fetch(server.url + path, { method: "OPTIONS", headers: asked });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(preflight.headers.get("Access-Control-Allow-Headers")).toContain("Authorization");
    const refused = await send({ token: undefined, headers: { Origin: origin } });
    expect(refused.status).toBe(401);
    for (const { headers } of [preflight, refused])
      expect(headers.get("Access-Control-Allow-Origin")).toBe(origin);
  });

  test(`a page on this machine is let in by ${face}`, async () => {
    const answer = await sendRaw(path, {}, { Host: "localhost:7070", Origin: "http://localhost:6274" });
    expect(answer.status).not.toBe(403);
  });
});

/** As it stands: `fetch` sets Host by itself. */
async function sendRaw(
  path: string,
  body: object,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; json: Json }> {
  const accept = "application/json, text/event-stream";
  const common = {
    Authorization: `Bearer ${server.token}`,
    "Content-Type": "application/json",
    Accept: accept,
  };
  return new Promise((resolve, reject) => {
    const sent = request(
      server.url + path,
      { method: "POST", headers: { ...common, ...headers } },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, json: JSON.parse(text) as Json }));
      },
    );
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}

test("the OpenAPI document names every route, without a token", async () => {
  const { status, json } = await ask<{ openapi: string; paths: Record<string, object> }>(
    `${server.url}/openapi.json`,
  );
  expect(status).toBe(200);
  expect(json.openapi).toMatch(/^3\.1/);
  expect(Object.keys(json.paths["/v1/jobs"]!)).toEqual(["get", "post"]);
  const paths = ["/v1/auth/login", "/v1/me", "/v1/tokens", "/v1/jobs/{job_id}", "/v1/schedules/preview"];
  expect(Object.keys(json.paths)).toEqual(
    expect.arrayContaining([...paths, "/v1/executions/{execution_id}"]),
  );
});

test("both lines of MCP clients see the same tools, with all that belongs to them", async () => {
  const lists = await Promise.all(
    mcpLines.map(async ([, connect]) => {
      await using mcp = await connect(server);
      return await mcp.tools();
    }),
  );
  for (const tools of lists) {
    expect(tools.map(({ name }) => name)).toEqual(lists[0]!.map(({ name }) => name));
    for (const tool of tools) {
      expect(tool).toMatchObject({ title: expect.stringMatching(/\S/), outputSchema: { type: "object" } });
      expect(Object.keys(tool.annotations ?? {})).toHaveLength(4);
    }
  }
  const jobs = ["list", "get", "create", "update", "pause", "resume", "run", "delete", "explain"];
  expect(lists[0]!.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      ...jobs.map((verb) => (verb === "list" ? "list_jobs" : `${verb}_job`)),
      "preview_schedule",
    ]),
  );
  const executions = [
    "list_executions",
    "get_execution",
    "wait_for_execution",
    "replay_execution",
    "cancel_execution",
  ];
  expect(lists[0]!.map(({ name }) => name)).toEqual(expect.arrayContaining(executions));
});
