import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { promisify } from "node:util";
import { createClient } from "@org/scheduler-client";
import { startTarget } from "@org/scheduler-core/testing";
import { expect, test } from "vitest";
import { copyDataDir } from "./data-dir.ts";
import { startApp } from "./start-app.ts";

const newKey = () => randomBytes(32).toString("base64");
const root = path.join(import.meta.dirname, "../..");

/** `pnpm reencrypt`. */
async function reencrypt(env: Record<string, string>): Promise<{ output: string; code: number }> {
  const options = { cwd: root, env: { PATH: process.env["PATH"]!, ...env } };
  return promisify(execFile)(process.execPath, ["apps/server/src/reencrypt.ts"], options).then(
    ({ stdout }) => ({ output: stdout, code: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => ({
      output: error.stdout + error.stderr,
      code: error.code,
    }),
  );
}

test(
  "the encryption key is changed by a command, and everything goes on being read",
  { timeout: 60_000 },
  async () => {
    await using dataDir = await copyDataDir();
    const target = await startTarget();
    const [oldKey, key] = [newKey(), newKey()];
    const env = { SCHEDULER_DATA_DIR: dataDir.path };

    async function serving(
      keys: Record<string, string>,
      work: (client: ReturnType<typeof createClient>) => Promise<void>,
    ) {
      await using server = await startApp("server", { ...env, ...keys });
      await work(createClient({ url: server.url, token: dataDir.token }));
      await server.end();
    }

    let jobId = "";
    await serving({ SCHEDULER_ENCRYPTION_KEY: oldKey }, async (client) => {
      await client.createSecret({ name: "key", value: "first-value-1" });
      await client.createChannel({ name: "hook", type: "webhook", url: `${target.url}/told` });
      await client.createSigningSecret({});
      const headers = { "X-Token": "secret://key", Authorization: "Bearer in-clear-1" };
      jobId = (await client.createJob({ name: "a", url: `${target.url}/job`, cron: "0 0 1 1 *", headers }))
        .id;
    });

    const wrong = await reencrypt({ ...env, SCHEDULER_ENCRYPTION_KEY: key });
    expect(wrong).toMatchObject({ code: 1, output: expect.stringMatching(/4 cannot be read with the keys/) });
    const changed = await reencrypt({
      ...env,
      SCHEDULER_ENCRYPTION_KEY: key,
      SCHEDULER_ENCRYPTION_KEY_PREVIOUS: oldKey,
    });
    expect(changed).toMatchObject({
      code: 0,
      output: expect.stringContaining("4 values are encrypted anew"),
    });

    await serving({ SCHEDULER_ENCRYPTION_KEY: key }, async (client) => {
      const { id } = await client.runJob({ job_id: jobId });
      expect((await client.getExecution({ execution_id: id, wait_seconds: 20 })).status).toBe("succeeded");
      const [channel] = (await client.listChannels({})).data;
      expect((await client.testChannel({ channel_id: channel!.id })).status).toBe("sent");
    });
    const [job, told] = target.arrivals;
    expect(job!.headers).toMatchObject({ "x-token": "first-value-1", authorization: "Bearer in-clear-1" });
    expect(job!.headers["sched-signature"]).toBeDefined();
    expect(told!.path).toBe("/told");
    await target.close();
  },
);

test("no log line tells a secret, whatever goes wrong with it", { timeout: 60_000 }, async () => {
  await using dataDir = await copyDataDir();
  const target = await startTarget();
  target.answer(({ headers }, response) => void response.writeHead(500).end(JSON.stringify(headers)));
  const values = ["value-of-the-secret", "clear-credential", "hook-path-of-slack", "broken\nheader-value"];
  await using server = await startApp("server", { SCHEDULER_DATA_DIR: dataDir.path, LOG_LEVEL: "trace" });
  const client = createClient({ url: server.url, token: dataDir.token });
  await client.createSecret({ name: "good", value: values[0]! });
  await client.createSecret({ name: "broken", value: values[3]! });
  const channel = await client.createChannel({
    name: "s",
    type: "slack",
    url: `${target.url}/${values[2]!}`,
  });
  await client.addRule({ channel_id: channel.id, event: "on_failure" });
  const jobs: { headers: Record<string, string>; url?: string }[] = [
    { headers: { "X-Token": "secret://good", Authorization: `Bearer ${values[1]!}` } },
    { headers: { "X-Token": "secret://broken" } },
    { headers: { "X-Token": "secret://missing" } },
    { headers: { Authorization: `Bearer ${values[1]!}` }, url: "http://127.0.0.1:9/closed" },
  ];
  for (const job of jobs) {
    const made = await client.createJob({
      name: "a",
      url: `${target.url}/job`,
      retry: { max_attempts: 1 },
      ...job,
    });
    await client.getExecution({ execution_id: made.execution_id!, wait_seconds: 20 });
  }
  await expect(
    client.createJob({ name: "a", url: "nope", headers: { Authorization: values[1]! } }),
  ).rejects.toThrow(/URL/);
  await client.testChannel({ channel_id: channel.id });
  const { output } = await server.end();
  expect(output).toMatch(/"level"/);
  for (const value of [...values.slice(0, 3), "header-value"]) expect(output).not.toContain(value);
  await target.close();
});
