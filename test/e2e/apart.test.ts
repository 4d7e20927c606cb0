import { createClient } from "@org/scheduler-client";
import { startTarget, type Target } from "@org/scheduler-core/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ask } from "./ask.ts";
import { connectMcp } from "./connect-mcp.ts";
import { expectProblemAnswer } from "./problem.ts";
import { type Installation, startInstallation } from "./installation.ts";
import { type App, launch, startApp } from "./start-app.ts";

let installation: Installation;
let target: Target;
let api: App;
let mcpHttp: App;
let worker: App;

beforeAll(async () => {
  [installation, target] = await Promise.all([startInstallation(), startTarget()]);
  // All at once on an empty database: each wants to migrate it and to make the first user.
  const start = (name: "api" | "mcp-http" | "worker") => startApp(name, installation.env);
  [api, mcpHttp, worker] = await Promise.all([start("api"), start("mcp-http"), start("worker")]);
  console.log(
    `ready after ${api.readyMs} (api), ${mcpHttp.readyMs} (mcp-http), ${worker.readyMs} ms (worker)`,
  );
});
afterAll(async () => {
  for (const app of [api, mcpHttp, worker]) await app[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await target.close();
});

test("each app tells how it is", async () => {
  for (const app of [api, mcpHttp, worker]) {
    expect(await ask(`${app.url}/healthz`)).toMatchObject({ status: 200, json: { status: "ok" } });
    const { status, json } = await ask(`${app.url}/readyz`);
    expect({ status, json }).toMatchObject({
      status: 200,
      json: { ready: true, checks: { database: { ok: true } } },
    });
    const loops = Object.keys(json["checks"] as object).filter((name) => name.startsWith("loop_"));
    expect(loops.length > 0).toBe(app === worker);
  }
});

test("each app has its own face and no other", async () => {
  const { token } = installation;
  const jobs = (app: App) => ask(`${app.url}/v1/jobs`, { token });
  expect((await jobs(api)).status).toBe(200);
  expect(await jobs(worker)).toMatchObject({ status: 404, json: { code: "not_found" } });
  expect(await jobs(mcpHttp)).toMatchObject({ status: 404, json: { code: "not_found" } });
  expect((await ask(`${api.url}/mcp`, { token, body: {} })).status).toBe(404);
});

test("a job made at the api fires from the worker and is seen over MCP", async () => {
  const client = createClient({ url: api.url, token: installation.token });
  const job = await client.createJob({ name: "apart", url: `${target.url}/apart`, when: "1s" });
  await target.arrived(1);
  const [arrival] = target.arrivals;
  console.log(`across processes: ${arrival!.at - Date.parse(job.run_at!)} ms after its instant`);
  await using mcp = await connectMcp({ url: mcpHttp.url, token: installation.token });
  const listed = await mcp.call("list_executions", { job_id: job.id });
  const [execution] = listed.json["data"] as { id: string }[];
  const waited = await mcp.call("wait_for_execution", { execution_id: execution!.id });
  expect(waited.json).toMatchObject({ status: "succeeded", attempts: [{ status: "succeeded" }] });
});

test("what a login at the api gives opens mcp-http too", async () => {
  const login = await ask(`${api.url}/v1/auth/login`, {
    body: { email: "admin@localhost", password: "correct horse" },
  });
  expect(login.status).toBe(200);
  await using mcp = await connectMcp({ url: mcpHttp.url, token: login.json["token"] as string });
  expect(await mcp.call("list_jobs", {})).toMatchObject({
    isError: false,
    json: { data: [{ name: "apart" }] },
  });
});

test("a port that is taken is named", async () => {
  const { port, host } = new URL(api.url);
  const { code, output } = await launch("mcp-http", { ...installation.env, PORT: port }).exited;
  expect(code).toBe(1);
  expect(output).toBe(
    `mcp-http could not start: ${host} is in use. Set PORT to another one, such as PORT=0 for any free one.\n`,
  );
});

test("a database that goes away is told, and its return noticed", async () => {
  const { token, postgres } = installation;
  await using mcp = await connectMcp({ url: mcpHttp.url, token });
  await mcp.call("list_jobs", {});
  await postgres.stop("immediate");
  const unavailable = { status: 503, code: "unavailable", retry_after_seconds: 5 };
  expectProblemAnswer(await ask(`${api.url}/v1/jobs`, { token }), unavailable);
  for (const app of [api, mcpHttp, worker]) {
    const { status, json } = await ask(`${app.url}/readyz`);
    expect(status).toBe(503);
    expect(json).toMatchObject({ ready: false, checks: { database: { ok: false } } });
    expect((await ask(`${app.url}/healthz`)).status).toBe(200);
  }
  await expect(mcp.call("list_jobs", {})).rejects.toThrow(/503/);

  await postgres.restart();
  await vi.waitFor(
    async () => {
      for (const app of [api, mcpHttp, worker]) expect((await ask(`${app.url}/readyz`)).status).toBe(200);
    },
    { timeout: 10_000, interval: 100 },
  );
  const client = createClient({ url: api.url, token });
  const job = await client.createJob({ name: "after", url: `${target.url}/after`, when: "1s" });
  await target.arrived(2);
  console.log(
    `after the database's return: ${target.arrivals[1]!.at - Date.parse(job.run_at!)} ms after its instant`,
  );
});

test("each app stops when it is asked to", async () => {
  const ends = await Promise.all([api, mcpHttp, worker].map((app) => app.end("SIGTERM")));
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
});
