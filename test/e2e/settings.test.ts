import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type AppName, type Env, launch } from "./start-app.ts";

/** Starts what must not come up; answers what it said, which is one message without a stack. */
async function refusal(name: AppName, env: Env): Promise<string> {
  const { code, output } = await launch(name, { SCHEDULER_DATA_DIR: "/nowhere/at/all", ...env }).exited;
  expect(code).toBe(1);
  expect(output).not.toMatch(/^\s+at /m);
  expect(output).not.toContain("{");
  return output;
}

const wrong: [name: string, value: string, says: RegExp][] = [
  ["DATABASE_URL", "mysql://localhost/db", /postgres/],
  ["PORT", "http", /whole number from 0 to 65535/],
  ["SCHEDULER_ALLOWED_ORIGINS", "*", /https:\/\/app\.example/],
  ["SCHEDULER_ENCRYPTION_KEY", "c2hvcnQ=", /32 bytes.*openssl rand/],
  ["SCHEDULER_JWT_SECRET", "short", /32 characters.*openssl rand/],
  ["SCHEDULER_BOOTSTRAP_TOKEN", "letmein", /cron_pat_/],
  ["SCHEDULER_ADMIN_PASSWORD", "1234", /8 characters/],
  ["SCHEDULER_CONCURRENCY", "0", /whole number from 1 to 10000/],
  ["SCHEDULER_ALLOWED_TARGETS", "10.0.0.0/8,intranet", /intranet.*10\.0\.0\.0\/8/],
  ["SCHEDULER_RETENTION_DAYS", "forever", /whole number from 1 to 3650/],
  ["LOG_LEVEL", "loud", /info/],
];

test.concurrent("wrong settings are listed in one message, all of them", async ({ expect }) => {
  const output = await refusal("server", Object.fromEntries(wrong));
  const [first, ...problems] = output.trim().split("\n");
  expect(first).toBe("scheduler could not start: The settings need mending:");
  expect(problems).toHaveLength(wrong.length);
  for (const [index, [name, value, says]] of wrong.entries()) {
    expect(problems[index]).toMatch(new RegExp(`^  - ${name}: `));
    expect(problems[index]).toMatch(says);
    // What was given may be a secret.
    if (/KEY|SECRET|TOKEN|PASSWORD/.test(name)) expect(problems[index]).not.toContain(value);
  }
});

test.concurrent.each<AppName>(["api", "worker"])(
  "%s with a PostgreSQL server says which keys it needs",
  async (name) => {
    const output = await refusal(name, { DATABASE_URL: "postgres://127.0.0.1:9/db" });
    expect(output).toMatch(/SCHEDULER_ENCRYPTION_KEY: .*openssl rand -base64 32\n/);
    expect(output).toMatch(/SCHEDULER_JWT_SECRET: .*openssl rand -base64 32\n/);
  },
);

test.concurrent("a data directory that cannot be one is named", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "e2e-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = path.join(directory, "file");
  await writeFile(file, randomBytes(8));
  expect(await refusal("server", { SCHEDULER_DATA_DIR: path.join(file, "data") })).toContain(file);
});
