import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { expect, inject, test } from "vitest";

const server = inject("server");

/** Runs an example as its reader would, against a server that runs; it checks its own result. */
async function runExample(name: string): Promise<{ code: number | null; output: string }> {
  const main = path.join(import.meta.dirname, "../../examples", name, "main.ts");
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], SCHEDULER_API_URL: server.url, SCHEDULER_API_TOKEN: server.token },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

test.each([
  ["cron-with-slack-alert", /One alert, one recovery/],
  ["bounded-agent", /In the audit: agent:example-researcher create_job bounds.hosts/],
  ["secret-header", /The target got the key: true/],
])("the example %s does what it shows", async (name, shown) => {
  const { code, output } = await runExample(name);
  expect(code, output).toBe(0);
  expect(output).toMatch(shown);
});
