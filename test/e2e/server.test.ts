import { createClient } from "@org/scheduler-client";
import { startTarget } from "@org/scheduler-core/testing";
import { stat } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { copyDataDir, type DataDir } from "./data-dir.ts";
import { type App, launch, readServerFile, startApp } from "./start-app.ts";

let dataDir: DataDir;
let app: App;
const start = () => startApp("server", { SCHEDULER_DATA_DIR: dataDir.path });
const clientOf = ({ url }: App) => createClient({ url, token: dataDir.token });

beforeAll(async () => {
  dataDir = await copyDataDir();
  app = await start();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await dataDir[Symbol.asyncDispose]();
});

test("the first start says where it listens, what gets in, and what to try", () => {
  const { output, url, token, mode, readyMs, exitCode } = inject("firstStart");
  console.log(`ready ${readyMs} ms after the first start`);
  expect(output).toContain(`The scheduler is ready: ${url}`);
  expect(output).toContain(`${url}/mcp`);
  expect(output).toContain(`curl ${url}/v1/jobs -H "Authorization: Bearer ${token}"`);
  expect(output).toMatch(/Admin +admin@localhost +\S{16,}/);
  expect(token).toMatch(/^cron_pat_[\w-]{32,}$/);
  expect(mode).toBe(0o600);
  expect(exitCode).toBe(0);
});

test("a later start shows no secret, and server.json says where it is now", async () => {
  console.log(`ready ${app.readyMs} ms after a later start`);
  expect(app.output()).not.toContain("cron_pat_");
  expect(app.output()).not.toMatch(/Admin/);
  expect(await readServerFile(dataDir.path)).toEqual({ url: app.url, token: dataDir.token });
  expect((await stat(path.join(dataDir.path, "server.json"))).mode & 0o777).toBe(0o600);
});

test("a second process on the same data directory says so and ends", async () => {
  const { code, output } = await launch("server", { SCHEDULER_DATA_DIR: dataDir.path }).exited;
  expect(code).toBe(1);
  expect(output).toMatch(
    /^scheduler could not start: .* is in use by process \d+ on \S+, since \S+Z\. .*DATABASE_URL.*\n$/,
  );
  expect((await fetch(`${app.url}/readyz`)).status).toBe(200);
});

test("Ctrl-C lets a request under way finish, and the next start has its record and everything else", async () => {
  const target = await startTarget();
  onTestFinished(() => target.close());
  const client = clientOf(app);
  const later = await client.createJob({ name: "later", url: target.url, when: "24h" });
  const run = await client.runJob({ job_id: later.id });
  const ran = await client.waitForExecution({ execution_id: run.id });
  target.answer((_, response) => void setTimeout(() => response.end("late"), 1500));
  const slow = await client.createJob({ name: "slow", url: target.url });
  await target.arrived(2);
  const begun = performance.now();
  const { code, signal } = await app.end("SIGINT");
  console.log(
    `ended ${Math.round(performance.now() - begun)} ms after Ctrl-C, with an answer due after 1500 ms`,
  );
  expect({ code, signal }).toEqual({ code: 0, signal: null });

  app = await start();
  const again = clientOf(app);
  const jobs = (await again.listJobs()).data;
  expect(jobs).toMatchObject([
    { id: slow.id, state: "completed", last_status: "succeeded" },
    { id: later.id, state: "active", next_run_at: later.next_run_at },
  ]);
  expect(await again.getExecution({ execution_id: ran.id })).toEqual(ran);
  const [execution] = (await again.listExecutions({ job_id: slow.id })).data;
  const { attempts } = await again.getExecution({ execution_id: execution!.id });
  expect(attempts).toMatchObject([{ number: 1, status: "succeeded", response_body: "late" }]);
  expect(target.arrivals).toHaveLength(2);
});
