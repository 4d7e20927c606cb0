import { createClient } from "@org/scheduler-client";
import { startTarget } from "@org/scheduler-core/testing";
import { stat } from "node:fs/promises";
import path from "node:path";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { copyDataDir } from "./data-dir.ts";
import { launch, readServerFile, startApp } from "./start-app.ts";

test("the first start says where it listens, what gets in, and what to try", () => {
  const { output, url, token, mode, readyMs, exitCode } = inject("firstStart");
  console.log(`first start: ready after ${readyMs} ms`);
  expect(output).toContain(`The scheduler is ready: ${url}`);
  expect(output).toContain(`${url}/mcp`);
  expect(output).toContain(`curl ${url}/v1/jobs -H 'Authorization: Bearer ${token}'`);
  expect(output).toMatch(/Admin +admin@localhost +\S{16,}/);
  expect(token).toMatch(/^cron_pat_[\w-]{32,}$/);
  expect(mode).toBe(0o600);
  expect(exitCode).toBe(0);
});

test("a restart keeps the token, the jobs and the history, and shows no secret again", async () => {
  await using dataDir = await copyDataDir();
  const target = await startTarget();
  onTestFinished(() => target.close());
  const env = { SCHEDULER_DATA_DIR: dataDir.path };
  const first = await startApp("server", env);
  const before = createClient({ url: first.url, token: dataDir.token });
  const later = await before.createJob({ name: "kept", url: target.url, when: "24h" });
  const { id } = await before.runJob({ job_id: later.id });
  const execution = await before.waitForExecution({ execution_id: id });
  expect(execution.status).toBe("succeeded");
  expect((await first.end("SIGTERM")).code).toBe(0);

  await using second = await startApp("server", env);
  console.log(`restart: ready after ${second.readyMs} ms`);
  expect(second.output()).not.toContain("cron_pat_");
  expect(await readServerFile(dataDir.path)).toEqual({ url: second.url, token: dataDir.token });
  expect((await stat(path.join(dataDir.path, "server.json"))).mode & 0o777).toBe(0o600);
  const after = createClient({ url: second.url, token: dataDir.token });
  expect((await after.listJobs()).data.map(({ id, next_run_at }) => [id, next_run_at])).toEqual([
    [later.id, later.next_run_at],
  ]);
  expect(await after.getExecution({ execution_id: id })).toEqual(execution);
});

test("a second process on the same data directory says so and ends", async () => {
  await using dataDir = await copyDataDir();
  const env = { SCHEDULER_DATA_DIR: dataDir.path };
  await using first = await startApp("server", env);
  const { code, output } = await launch("server", env).exited;
  expect(code).toBe(1);
  expect(output).toMatch(/could not start: .* is in use by process \d+\. .*DATABASE_URL/);
  expect(output.trim().split("\n")).toHaveLength(1);
  // The first goes on.
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
});

test("Ctrl-C in the middle of a request lets it finish and records it", async () => {
  await using dataDir = await copyDataDir();
  const target = await startTarget();
  onTestFinished(() => target.close());
  target.answer((_, response) => void setTimeout(() => response.end("late"), 1500));
  const env = { SCHEDULER_DATA_DIR: dataDir.path };
  const first = await startApp("server", env);
  const client = createClient({ url: first.url, token: dataDir.token });
  const job = await client.createJob({ name: "slow", url: target.url });
  await target.arrived(1);
  const begun = performance.now();
  const { code, signal } = await first.end("SIGINT");
  console.log(`Ctrl-C: ended ${Math.round(performance.now() - begun)} ms later, the answer took 1500 ms`);
  expect({ code, signal }).toEqual({ code: 0, signal: null });

  await using second = await startApp("server", env);
  const after = createClient({ url: second.url, token: dataDir.token });
  const [execution] = (await after.listExecutions({ job_id: job.id })).data;
  const { attempts } = await after.getExecution({ execution_id: execution!.id });
  expect(attempts).toMatchObject([{ number: 1, status: "succeeded", response_body: "late" }]);
  expect(target.arrivals).toHaveLength(1);
  await vi.waitFor(async () =>
    expect(await after.getJob({ job_id: job.id })).toMatchObject({
      state: "completed",
      last_status: "succeeded",
    }),
  );
});
