import type {
  Backend,
  CallerView,
  Input,
  OperationName,
  Output,
  RequestContext,
} from "@org/scheduler-contract";
import { operations, parseInput, SchedulerError } from "@org/scheduler-contract";
import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createListener, type Face } from "@org/scheduler-http";
import { createRestHttp } from "./app.ts";

interface Call {
  name: OperationName;
  input: Record<string, unknown>;
}

/** Checks tokens and inputs as the contract says, remembers what it was asked, and answers with its echo. */
function createBackend() {
  const calls: Call[] = [];
  const state = {
    ready: true,
    failure: undefined as unknown,
    meanwhile: undefined as ((signal: AbortSignal) => Promise<void>) | undefined,
  };
  const backend: Backend = {
    async authenticate(token) {
      if (token === "cron_pat_good") return { readOnly: false };
      throw new SchedulerError("unauthenticated", 'No "é\r\n\\" valid token.', { hint: "Send a token." });
    },
    async execute<Name extends OperationName>(
      name: Name,
      input: Input<Name>,
      _caller?: CallerView,
      request?: RequestContext,
    ) {
      const parsed = parseInput(operations[name], input) as Record<string, unknown>;
      if (state.failure !== undefined) throw state.failure;
      await state.meanwhile?.(request!.signal!);
      if (calls.some(({ input: { idempotency_key: key } }) => key && key === parsed["idempotency_key"]))
        request?.onReplayed?.();
      calls.push({ name, input: parsed });
      const tried = parsed["dry_run"] === true ? { dry_run: true } : {};
      return { echo: parsed, ...tried } as unknown as Output<Name>;
    },
    async ready() {
      return { ready: state.ready, checks: { database: { ok: state.ready, detail: "asked" } } };
    },
  };
  return { backend, calls, state };
}

let server: Server | undefined;
afterEach(
  () => new Promise((resolve) => (server ? server.close(resolve).closeAllConnections() : resolve(0))),
);

async function setup(faces: Face[] = []) {
  const { backend, calls, state } = createBackend();
  const logged: Record<string, unknown>[] = [];
  const log = { error: (details: object) => void logged.push({ ...details }) };
  const app = createServer(
    createListener(backend, { log, faces: [...faces, createRestHttp(backend, { log })] }),
  );
  server = await new Promise<Server>((resolve) => {
    const listening = app.listen(0, "127.0.0.1", () => resolve(listening));
  });
  const { port } = server.address() as AddressInfo;
  const call = async (target: string, init: RequestInit = {}) => {
    const [method = "GET", path = "/"] = target.split(" ");
    const headers = new Headers({ Authorization: "Bearer cron_pat_good" });
    if (init.body !== undefined) headers.set("Content-Type", "application/json");
    for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, method, headers });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text ? JSON.parse(text) : undefined,
    };
  };
  return { call, port, calls, state, logged };
}

test("path, query and body become the operation's input, and the answer has its status", async () => {
  const { call, calls } = await setup();
  const created = await call("POST /v1/jobs", { body: '{"name":"a","url":"https://a.example"}' });
  expect(created.status).toBe(201);
  await call("PATCH /v1/jobs/job_%C3%A9%2F1", { body: '{"name":"b","max_runs":null}' });
  await call("GET /v1/executions/exec_1?wait_seconds=7");
  await call("GET /v1/jobs?limit=5&state=active&metadata.team.eu=a+b&metadata[env]=x%26y&search=%25");
  await call("POST /v1/jobs/job_1/pause");
  const put = await call("PUT /v1/jobs/by-key/eu:nightly.1", {
    body: '{"name":"a","url":"https://a.example"}',
  });
  expect(put.status).toBe(200);
  expect(calls.map(({ name }) => name)).toEqual([
    "create_job",
    "update_job",
    "get_execution",
    "list_jobs",
    "pause_job",
    "put_job",
  ]);
  expect(calls.at(-1)!.input).toMatchObject({ key: "eu:nightly.1", name: "a" });
  expect(calls.slice(1, -1).map(({ input }) => input)).toEqual([
    { job_id: "job_é/1", name: "b", max_runs: null },
    { execution_id: "exec_1", wait_seconds: 7 },
    { limit: 5, state: "active", search: "%", metadata: { "team.eu": "a b", env: "x&y" }, counts: false },
    { job_id: "job_1" },
  ]);
});

test("a dry run creates nothing, and its status says so", async () => {
  const { call } = await setup();
  const job = { name: "a", url: "https://a.example" };
  for (const [dry_run, status] of [
    [true, 200],
    [false, 201],
  ])
    expect(await call("POST /v1/jobs", { body: JSON.stringify({ ...job, dry_run }) })).toMatchObject({
      status,
    });
});

test("an idempotency key is a header, and an answer that is given again says so", async () => {
  const { call, calls } = await setup();
  const sent = { body, headers: { "Idempotency-Key": "order 7" } };
  const first = await call("POST /v1/jobs", sent);
  const second = await call("POST /v1/jobs", sent);
  expect([first, second].map(({ status, text }) => ({ status, text }))).toEqual(
    Array(2).fill({ status: 201, text: first.text }),
  );
  expect([first, second].map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([null, "true"]);
  await call("POST /v1/executions/exec_1/replay", { headers: { "Idempotency-Key": "b" } });
  expect(calls.map(({ input }) => input["idempotency_key"])).toEqual(["order 7", "order 7", "b"]);
});

test("a key is ignored where asking twice does no harm anyway", async () => {
  const { call, calls } = await setup();
  const headers = { "Idempotency-Key": "a" };
  for (const target of ["GET /v1/jobs/job_1", "POST /v1/jobs/job_1/pause", "DELETE /v1/jobs/job_1"])
    expect((await call(target, { headers })).status).toBe(200);
  expect(calls.map(({ input }) => input)).toEqual([
    { job_id: "job_1" },
    { job_id: "job_1" },
    { job_id: "job_1", purge: false },
  ]);
});

test("a key that is given twice is refused", async () => {
  const { port, calls } = await setup();
  const lines = [
    "POST /v1/jobs HTTP/1.1",
    "Host: localhost",
    "Connection: close",
    "Authorization: Bearer cron_pat_good",
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "Idempotency-Key: a",
    "Idempotency-Key: b",
  ];
  const answer = await raw(port, `${lines.join("\r\n")}\r\n\r\n${body}`);
  expect(answer).toContain("HTTP/1.1 422 ");
  expect(answer).toContain('"field":"idempotency_key"');
  expect(calls).toEqual([]);
});

const body = '{"name":"a","url":"https://a.example"}';
const key = { "Idempotency-Key": "a" };
const keyInBody = '{"name":"a","url":"https://a.example","idempotency_key":"a"}';
const long = "x".repeat(256);
const large = JSON.stringify({ body: "x".repeat(1024 * 1024) });

test.each<[string, RequestInit, number, string, string?]>([
  ["GET /v1/jobs?limit=5&limit=6", {}, 422, "invalid_input", "limit"],
  ["GET /v1/jobs?limit=five", {}, 422, "invalid_input", "limit"],
  ["GET /v1/jobs?limt=5", {}, 422, "invalid_input", "limt"],
  ["GET /v1/jobs?__proto__=5", {}, 422, "invalid_input", "__proto__"],
  ["GET /v1/jobs?constructor=5", {}, 422, "invalid_input", "constructor"],
  ["GET /v1/jobs?metadata=5", {}, 422, "invalid_input", "metadata"],
  ["GET /v1/jobs?metadata.a=1&metadata[a]=2", {}, 422, "invalid_input", "metadata[a]"],
  ["GET /v1/jobs/job_1?job_id=job_2", {}, 422, "invalid_input", "job_id"],
  ["GET /v1/jobs/%zz", {}, 422, "invalid_input"],
  ["GET /v1/jobs?search=%zz&limit=x", {}, 422, "invalid_input", "limit"],
  ["PATCH /v1/jobs/job_1", { body: '{"job_id":"job_1"}' }, 422, "invalid_input", "job_id"],
  ["PUT /v1/jobs/by-key/a", { body: '{"key":"a","name":"a"}' }, 422, "invalid_input", "key"],
  ["PUT /v1/jobs/by-key/a%20b", { body }, 422, "invalid_input", "key"],
  ["PUT /v1/jobs/by-key/..%2Ftokens", { body }, 422, "invalid_input", "key"],
  ["GET /v1/jobs/by-key/a", {}, 405, "method_not_allowed"],
  ["POST /v1/jobs?limit=5", { body }, 422, "invalid_input", "limit"],
  ["DELETE /v1/jobs/job_1", { body: '{"force":true}' }, 422, "invalid_input", "force"],
  ["POST /v1/jobs/job_1/pause", { body: '{"__proto__":{"name":"a"}}' }, 422, "invalid_input", "__proto__"],
  ["POST /v1/jobs", { body: "[1]" }, 422, "invalid_input"],
  ["POST /v1/jobs", { body: "null" }, 422, "invalid_input"],
  ["POST /v1/jobs", {}, 422, "invalid_input", "name"],
  ["POST /v1/jobs", { body: '{"name": secret}' }, 400, "invalid_json"],
  ["POST /v1/jobs", { body: new Uint8Array([0x22, 0xff, 0x22]) }, 400, "invalid_json"],
  ["POST /v1/jobs", { body, headers: { "Content-Encoding": "gzip" } }, 400, "invalid_json"],
  ["POST /v1/jobs", { body, headers: { "Content-Encoding": "lzma" } }, 415, "unsupported_media_type"],
  ["POST /v1/jobs", { body, headers: { "Content-Type": "text/plain" } }, 415, "unsupported_media_type"],
  ["POST /v1/jobs", { body: large }, 413, "payload_too_large"],
  ["POST /v1/jobs", { body, headers: { "Idempotency-Key": "" } }, 422, "invalid_input", "idempotency_key"],
  ["POST /v1/jobs", { body, headers: { "Idempotency-Key": "é" } }, 422, "invalid_input", "idempotency_key"],
  ["POST /v1/jobs", { body, headers: { "Idempotency-Key": long } }, 422, "invalid_input", "idempotency_key"],
  ["POST /v1/tokens", { body: '{"name":"a"}', headers: key }, 422, "invalid_input", "idempotency_key"],
  ["POST /v1/jobs", { body: keyInBody, headers: key }, 422, "invalid_input", "idempotency_key"],
  ["POST /v1/jobs", { body: keyInBody }, 422, "invalid_input", "idempotency_key"],
  ["GET /v1/nothing", {}, 404, "not_found"],
  ["GET /v1/Jobs", {}, 404, "not_found"],
  ["PUT /v1/jobs", { body }, 405, "method_not_allowed"],
  ["GET /v1/jobs", { headers: { Authorization: "Bearer wrong" } }, 401, "unauthenticated"],
  ["POST /v1/jobs", { body: "{", headers: { Authorization: "Basic x" } }, 401, "unauthenticated"],
])("%s %# is a problem with a hint", async (target, init, status, code, field) => {
  const { call, calls } = await setup();
  const { json, headers, ...answer } = await call(target, init);
  expect({ ...answer, code: json.code, field: json.field }).toMatchObject({ status, code, field });
  expect(json).toMatchObject({ type: `urn:scheduler:error:${code}`, status, hint: expect.any(String) });
  expect(headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect(headers.get("x-request-id")).toBe(json.request_id);
  expect(answer.text).not.toContain("secret");
  expect(calls).toEqual([]);
});

test("a field that no place takes is not sent from one place to the other", async () => {
  const { call } = await setup();
  const { json } = await call("DELETE /v1/jobs/job_1", { body: '{"dry_run":true}' });
  expect(json).toMatchObject({ field: "dry_run", hint: expect.not.stringContaining("Send it") as string });
  const known = await call("POST /v1/jobs?name=a", { body });
  expect(known.json).toMatchObject({ field: "name", hint: "Send it in a JSON body." });
});

test("a missing token is asked for, a wrong one is called invalid", async () => {
  const { call } = await setup();
  const missing = await call("GET /v1/me", { headers: { Authorization: "" } });
  expect(missing.headers.get("www-authenticate")).toBe('Bearer realm="scheduler"');
  const wrong = await call("GET /v1/me", { headers: { Authorization: "bearer nope" } });
  expect(wrong.headers.get("www-authenticate")).toBe(
    'Bearer realm="scheduler", error="invalid_token", error_description="No  valid token."',
  );
  const login = await call("POST /v1/auth/login", {
    headers: { Authorization: "" },
    body: '{"email":"a@b.example","password":"p"}',
  });
  expect(login.status).toBe(200);
});

test.each([
  "GET /.well-known/oauth-protected-resource",
  "GET /.well-known/oauth-protected-resource/mcp",
  "GET /.well-known/oauth-authorization-server?a=b",
  "OPTIONS /.well-known/openid-configuration",
  "GET /mcp/.well-known/openid-configuration",
  "POST /register",
  "PUT /register/",
  "DELETE /mcp/register",
  "GET /authorize",
  "POST /token",
])("%s is told that there is no OAuth, and how a token is sent", async (target) => {
  const { call } = await setup();
  for (const headers of [{ Authorization: "" }, { Authorization: "Bearer nope" }, {}]) {
    const { status, json, headers: answered } = await call(target, { headers });
    expect(status).toBe(404);
    expect(answered.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(json).toMatchObject({
      code: "not_found",
      detail: "There is no OAuth here.",
      hint: expect.stringMatching(/`Authorization: Bearer cron_pat_….*unknown, expired or revoked/),
    });
  }
});

test.each(["POST /v1/register", "GET /registered", "GET /well-known/a", "GET /mcp/v1/token"])(
  "%s is no question about OAuth",
  async (target) => {
    const { call } = await setup();
    const { json } = await call(target);
    expect(json).toMatchObject({ code: "not_found", detail: `There is no ${target}.` });
  },
);

test("every answer carries the API's headers and a request id", async () => {
  const { call } = await setup();
  const given = await call("GET /v1/me", { headers: { "X-Request-Id": "from-the-caller_1" } });
  expect(given.headers.get("x-request-id")).toBe("from-the-caller_1");
  expect(given.headers.get("cache-control")).toBe("no-store");
  expect(given.headers.get("x-content-type-options")).toBe("nosniff");
  expect(given.headers.get("x-powered-by")).toBeNull();
  const odd = await call("GET /healthz", { headers: { "X-Request-Id": "no spaces, please" } });
  expect(odd.headers.get("x-request-id")).toMatch(/^[\da-f-]{36}$/);
  const head = await call("HEAD /v1/me");
  expect([head.status, head.text]).toEqual([200, ""]);
});

test("a path says which methods it has", async () => {
  const { call } = await setup();
  const wrong = await call("PUT /v1/jobs/job_1");
  expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD, PATCH, DELETE, OPTIONS"]);
  const asked = await call("OPTIONS /v1/jobs");
  expect([asked.status, asked.headers.get("allow")]).toEqual([204, "GET, HEAD, POST, OPTIONS"]);
  expect(asked.headers.get("access-control-allow-origin")).toBeNull();
});

test("an unexpected error is logged in full and shows nothing of itself", async () => {
  const { call, state, logged } = await setup();
  state.failure = Object.assign(new Error("select secret from tokens"), { status: 400 });
  const { status, json, text } = await call("GET /v1/me");
  expect([status, json.code]).toEqual([500, "internal"]);
  expect(text).not.toMatch(/secret|router\.ts/);
  expect(logged).toEqual([
    { err: state.failure, request_id: json.request_id, method: "GET", path: "/v1/me" },
  ]);
});

test("another face goes before REST, and its errors become problems too", async () => {
  const { call, logged } = await setup([
    (request, _response, next) => next(request.url === "/mcp" ? new Error("secret") : undefined),
  ]);
  const { status, json, text } = await call("POST /mcp", { body: "{" });
  expect([status, json.code, text.includes("secret"), logged.length]).toEqual([500, "internal", false, 1]);
  expect((await call("GET /v1/me")).status).toBe(200);
});

test("whoever goes away ends the wait", async () => {
  const { call, state } = await setup();
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  state.meanwhile = (signal) => {
    signal.addEventListener("abort", () => ended.resolve());
    asked.resolve();
    return ended.promise;
  };
  const caller = new AbortController();
  const answer = call("GET /v1/executions/exec_1?wait_seconds=50", { signal: caller.signal });
  await asked.promise;
  caller.abort();
  await expect(answer).rejects.toThrow("aborted");
  await ended.promise;
});

test("an error that helps to wait says how long", async () => {
  const { call, state } = await setup();
  state.failure = new SchedulerError("rate_limited", "Too many.", { hint: "Wait.", retryAfterSeconds: 1.2 });
  const { status, headers, json } = await call("GET /v1/me");
  expect([status, headers.get("retry-after"), json.retry_after_seconds]).toEqual([429, "2", 1.2]);
});

test("liveness and readiness need no token", async () => {
  const { call, state } = await setup();
  const headers = { Authorization: "" };
  expect(await call("GET /healthz", { headers })).toMatchObject({ status: 200, json: { status: "ok" } });
  expect(await call("GET /readyz", { headers })).toMatchObject({ status: 200, json: { ready: true } });
  state.ready = false;
  expect(await call("GET /readyz", { headers })).toMatchObject({
    status: 503,
    json: { ready: false, checks: { database: { ok: false, detail: "asked" } } },
  });
});

test.each([
  ["localhost:7070", undefined, 200],
  ["127.0.0.1", undefined, 200],
  ["[::1]:7070", "http://localhost:3000", 200],
  ["evil.example", undefined, 403],
  ["localhost.evil.example", undefined, 403],
  ["user@localhost", undefined, 403],
  ["localhost", "https://evil.example", 403],
  ["localhost", "null", 403],
])("on loopback, Host %s with Origin %s gets %i", async (host, origin, status) => {
  const { port } = await setup();
  const lines = ["GET /healthz HTTP/1.1", `Host: ${host}`, "Connection: close"];
  if (origin !== undefined) lines.push(`Origin: ${origin}`);
  const answer = await raw(port, `${lines.join("\r\n")}\r\n\r\n`);
  expect(answer).toContain(`HTTP/1.1 ${status} `);
  if (status === 403) expect(answer).toMatch(/X-Request-Id: [\s\S]*"code":"forbidden"/);
});

/** fetch sets Host itself. */
async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.end(request);
  let answer = "";
  for await (const chunk of socket.setEncoding("utf8")) answer += String(chunk);
  return answer;
}
