import type { Backend, CallOptions, Input, Operation, OperationName, Output } from "@org/scheduler-contract";
import { operations, parseInput, SchedulerError } from "@org/scheduler-contract";
import { createListener } from "@org/scheduler-http";
import { createRestHttp } from "@org/scheduler-rest";
import type { RequestListener, Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, expectTypeOf, test } from "vitest";
import { createClient } from "./client.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve).closeAllConnections());
  }
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const conflict = new SchedulerError("conflict", "It is canceled.", {
  field: "job_id",
  hint: "Create a new job.",
  retryAfterSeconds: 5,
});

/** A client of the real REST face, over a backend that answers with what it was asked. */
async function setup() {
  const backend: Backend = {
    async authenticate(token) {
      if (token === "cron_pat_good") return { readOnly: false };
      throw new SchedulerError("unauthenticated", "No valid token.", { hint: "Send a token." });
    },
    async execute<Name extends OperationName>(name: Name, input: Input<Name>) {
      parseInput(operations[name], input);
      if (Object.values(input).includes("job_canceled")) throw conflict;
      return { name, input } as unknown as Output<Name>;
    },
    ready: async () => ({ ready: true, checks: {} }),
  };
  const url = await listen(createListener(backend, { faces: [createRestHttp(backend)] }));
  return { url, client: createClient({ url: `${url}/`, token: "cron_pat_good" }) };
}

const awkward = "a b/c?d=é%2F&+#";

/** Something for every kind of field; text that must survive paths and queries where any text will do. */
const candidates: unknown[] = [
  60,
  50,
  true,
  awkward,
  { [awkward]: awkward },
  [204],
  [{ name: "a", url: "https://a.example" }],
  { "X-Source": "test" },
  { max_attempts: 3 },
  { max: 10, period_seconds: 60 },
  [awkward],
  [{ type: "body_contains", value: awkward }],
  { max: 10, period_seconds: 60 },
  "https://a.example",
  "2030-01-01T00:00:00Z",
  "active",
  "cron",
  "GET",
  "failed",
  "timeout",
  "manual",
  "agent",
  "live",
  "on_failure",
  "webhook",
  "callback",
  "ops@example.com",
  "-1001234567890",
  "123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K",
  "skip",
  "member",
  ["ann@example.com"],
  "pause",
  "allow",
  "pending",
  { max_jobs: 3, hosts: ["a.example"] },
];

/** An input with every field filled in. */
function sampleInput(operation: Operation): Record<string, unknown> {
  const fields = Object.entries(operation.input.shape).map(([name, schema]) => {
    const fits = candidates.find((value) => schema.safeParse(value).success);
    if (fits === undefined) throw new Error(`no candidate fits ${operation.name}'s ${name}`);
    return [name, fits];
  });
  return Object.fromEntries(fields) as Record<string, unknown>;
}

test.each(Object.values<Operation>(operations))("$name arrives as it was asked", async (operation) => {
  const { client } = await setup();
  const name = operation.name as OperationName;
  const input = sampleInput(operation);
  expect(await client.execute(name, input as Input<OperationName>)).toEqual({ name, input });
});

test("operations are methods, typed by the contract", async () => {
  const { client } = await setup();
  const url = "https://a.example";
  expect(await client.createJob({ name: "a", url })).toEqual({
    name: "create_job",
    input: { name: "a", url },
  });
  expect(await client.listJobs()).toEqual({ name: "list_jobs", input: {} });
  expectTypeOf(client.getJob).parameters.toEqualTypeOf<[input: { job_id: string }, options?: CallOptions]>();
  expectTypeOf(client.getJob).returns.resolves.toEqualTypeOf<Output<"get_job">>();
  expectTypeOf(client.listJobs).parameters.toEqualTypeOf<
    [input?: Input<"list_jobs">, options?: CallOptions]
  >();
});

test("an idempotency key goes as a header, in no body and no URL", async () => {
  const seen: { url: string; key: string | null; body: unknown }[] = [];
  const fetch = async (url: string | URL | Request, init: RequestInit = {}) => {
    seen.push({ url: url as string, key: new Headers(init.headers).get("idempotency-key"), body: init.body });
    return Response.json({});
  };
  const client = createClient({ url: "http://a.example", token: "cron_pat_x", fetch });
  await client.replayExecution({ execution_id: "exec_1", idempotency_key: "order 7" });
  await client.replayExecution({ execution_id: "exec_1" });
  const url = "http://a.example/v1/executions/exec_1/replay";
  expect(seen).toEqual([
    { url, key: "order 7", body: "{}" },
    { url, key: null, body: "{}" },
  ]);
  const hostile = { execution_id: "exec_1", idempotency_key: "a\r\nX-Evil: b" };
  expect(await failure(client.replayExecution(hostile))).toMatchObject({ field: "idempotency_key" });
  expect(seen).toHaveLength(2);
});

async function failure(promise: Promise<unknown>): Promise<SchedulerError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SchedulerError);
  expect(JSON.stringify(error) + String((error as Error).message)).not.toMatch(/cron_pat_\w/);
  return error as SchedulerError;
}

test("the server's problem comes back as the error it was", async () => {
  const { client, url } = await setup();
  const { code, message, field, hint, retryAfterSeconds } = await failure(
    client.runJob({ job_id: "job_canceled" }),
  );
  expect({ code, message, field, hint, retryAfterSeconds }).toEqual({
    code: conflict.code,
    message: conflict.message,
    field: conflict.field,
    hint: conflict.hint,
    retryAfterSeconds: conflict.retryAfterSeconds,
  });
  expect((await failure(createClient({ url }).getMe())).code).toBe("unauthenticated");
});

test("an input is checked as the contract says before anything is sent", async () => {
  const client = createClient({ url: "http://127.0.0.1:9" });
  const listJobs = client.listJobs as (input: object) => Promise<unknown>;
  expect(await failure(listJobs({ limit: "5" }))).toMatchObject({ code: "invalid_input", field: "limit" });
  expect(await failure(listJobs({ limt: 5 }))).toMatchObject({ code: "invalid_input", field: "limt" });
  expect(await failure(client.execute("nope" as "get_me", {}))).toMatchObject({ code: "not_found" });
});

test.each(["", ".", "..", undefined])(
  "a path part %j is refused before it changes the route",
  async (job_id) => {
    const { client } = await setup();
    const input = { job_id } as { job_id: string };
    expect(await failure(client.deleteJob(input))).toMatchObject({ code: "invalid_input", field: "job_id" });
  },
);

test("an unreachable server is unavailable, and the hint names its URL", async () => {
  const url = await listen(() => {});
  await new Promise((resolve) => servers.pop()!.close(resolve));
  const error = await failure(createClient({ url, token: "cron_pat_x" }).getMe());
  expect(error).toMatchObject({
    code: "unavailable",
    message: "The scheduler could not be reached (ECONNREFUSED).",
    hint: expect.stringContaining(url),
  });
});

test("a silent server is given up on, later if the operation waits", async () => {
  const url = await listen(() => {});
  const client = createClient({ url, token: "cron_pat_x", timeoutMs: 20 });
  expect(await failure(client.getMe())).toMatchObject({
    code: "unavailable",
    message: "The scheduler did not answer within 0.02 seconds.",
  });
  // Only with the wait added is there any patience at all.
  const waiting = createClient({ url, token: "cron_pat_x", timeoutMs: -980 });
  expect(await failure(waiting.getExecution({ execution_id: "exec_1", wait_seconds: 1 }))).toMatchObject({
    message: "The scheduler did not answer within 0.02 seconds.",
  });
});

test("a call that is called off ends, here and at the server, with the caller's own reason", async () => {
  const arrived = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const url = await listen((_request, response) => {
    response.on("close", () => left.resolve());
    arrived.resolve();
  });
  const caller = new AbortController();
  const client = createClient({ url, token: "cron_pat_x" });
  const wait = { execution_id: "exec_1", wait_seconds: 50 };
  const waiting = client.waitForExecution(wait, { signal: caller.signal });
  await arrived.promise;
  const reason = new Error("no more time");
  caller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await left.promise;
  await expect(client.execute("get_execution", wait, { signal: caller.signal })).rejects.toBe(reason);
});

test.each([
  [200, "text/html", "internal"],
  [301, "text/html", "internal"],
  [404, "application/json", "internal"],
  [502, "text/html", "unavailable"],
])("a foreign answer %i %s is told as %s", async (status, type, code) => {
  const url = await listen((_request, response) => {
    response.writeHead(status, { "Content-Type": type, Location: "/elsewhere" });
    response.end(type === "text/html" ? "<html>" : "{}");
  });
  const error = await failure(createClient({ url }).getMe());
  expect(error.code).toBe(code);
  expect(error.message).toContain(`answered ${status} with ${type}`);
});

test.each([
  ["ftp://a.example", undefined],
  ["not a url", undefined],
  ["http://user:cron_pat_x@a.example", undefined],
  ["http://a.example", "cron_pat_x\n"],
  ["http://a.example", ""],
])("%j with token %j is refused at once", async (url, token) => {
  const create = async () => createClient(token === undefined ? { url } : { url, token });
  await failure(create());
});
