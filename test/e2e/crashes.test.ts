import { createClient } from "@org/scheduler-client";
import { startTarget, type Target } from "@org/scheduler-core/testing";
import { expect, test, type TestContext } from "vitest";
import { seed } from "../seeded-random.ts";
import { connectMcp } from "./connect-mcp.ts";
import { crashRepeatedly, expectAllDone, type System } from "./crashes.ts";
import { copyDataDir } from "./data-dir.ts";
import { settingsFor, startInstallation } from "./installation.ts";
import { launch, startApp } from "./start-app.ts";

// These wait most of the time, each for something of its own: side by side, they take as long as the longest.

const timeout = 120_000;

async function targetOf({ onTestFinished }: TestContext): Promise<Target> {
  const target = await startTarget();
  onTestFinished(() => target.close());
  return target;
}

test.concurrent("a server that is killed again and again loses nothing", { timeout }, async (context) => {
  await using dataDir = await copyDataDir();
  const start = () => startApp("server", { SCHEDULER_DATA_DIR: dataDir.path });
  let app = await start();
  const client = () => createClient({ url: app.url, token: dataDir.token });
  const system: System = {
    name: "embedded",
    client,
    create: async (job) => asCreated(await client().createJob(job)),
    async crash() {
      await app.end("SIGKILL");
      app = await start();
      return "the server";
    },
  };
  const target = await targetOf(context);
  const made = await crashRepeatedly(system, { target, seed, rounds: 5 });
  await expectAllDone(system, made, target);
  await app.end();
});

test.concurrent(
  "separate apps on PostgreSQL, killed at random, lose nothing",
  { timeout },
  async (context) => {
    await using installation = await startInstallation();
    const { token, env, postgres } = installation;
    const api = await startApp("api", env);
    const apps = { api, "mcp-http": await startApp("mcp-http", env), worker: await startApp("worker", env) };
    const names = ["api", "mcp-http", "worker"] as const;
    const client = () => createClient({ url: apps.api.url, token });
    let created = 0;
    const system: System = {
      name: "PostgreSQL",
      client,
      async create(job) {
        if (created++ % 2 === 0) return asCreated(await client().createJob(job));
        await using mcp = await connectMcp({ url: apps["mcp-http"].url, token });
        const { isError, json } = await mcp.call("create_job", job);
        if (isError) throw new Error(String(json["detail"]));
        return asCreated(json);
      },
      async crash(random, round) {
        if (round === 3) {
          await postgres.restart("immediate");
          return "the database";
        }
        // The worker not at last: what it held is missed after a while only, and the test would wait for that.
        const killed = names.filter((name) =>
          name === "worker" ? round < 5 : round === 5 || random() < 0.5,
        );
        await Promise.all(killed.map((name) => apps[name].end("SIGKILL")));
        await Promise.all(killed.map(async (name) => (apps[name] = await startApp(name, env))));
        return killed.join(" and ");
      },
    };
    const target = await targetOf(context);
    const made = await crashRepeatedly(system, { target, seed, rounds: 5 });
    await expectAllDone(system, made, target);
    await Promise.all(names.map((name) => apps[name].end()));
  },
);

test.concurrent(
  "a database that is away is tried for a while, then the start ends",
  { timeout },
  async () => {
    const env = settingsFor("postgres://nobody@127.0.0.1:9/nowhere", `cron_pat_${"0".repeat(32)}`);
    const { code, output, afterMs } = await launch("api", env).exited;
    const lines = output.trim().split("\n");
    console.log(`a database that is away: ${lines.length} lines, ended after ${afterMs} ms`);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(/cannot be reached .*ECONNREFUSED.*attempt 1 of \d+/);
    expect(lines.at(-1)).toMatch(/^api could not start: The database could not be reached: .*DATABASE_URL/);
    expect(lines.length).toBeLessThan(15);
    expect(output).not.toMatch(/^\s+at /m);
  },
);

function asCreated(job: { [Field in "id" | "next_run_at"]?: unknown }): { id: string; next_run_at: string } {
  return { id: String(job.id), next_run_at: String(job.next_run_at) };
}
