import { expect, test } from "vitest";
import { ConfigError, readEnv } from "./config.ts";

const key = Buffer.alloc(32, 1).toString("base64");
const server = {
  DATABASE_URL: "postgresql://u:hunter2@db/x",
  SCHEDULER_ENCRYPTION_KEY: key,
  SCHEDULER_JWT_SECRET: key,
};

function problems(env: NodeJS.ProcessEnv): string[] {
  try {
    readEnv(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.split("\n").slice(1);
  }
  return [];
}

test("nothing needs to be set to start, and an empty setting is none", () => {
  const defaults = readEnv({});
  expect(defaults).toMatchObject({
    databaseUrl: undefined,
    dataDir: ".scheduler",
    host: "127.0.0.1",
    port: undefined,
    encryptionKey: undefined,
    bootstrapToken: undefined,
    adminEmail: "admin@localhost",
    concurrency: 100,
    retentionDays: 30,
    deadLetterDays: 90,
    logLevel: "info",
  });
  expect(readEnv({ DATABASE_URL: "", PORT: "", LOG_LEVEL: "", SCHEDULER_ALLOWED_TARGETS: "" })).toEqual(
    defaults,
  );
});

test("loopback is open where everything is on one machine, and only then", () => {
  const ranges = (env: NodeJS.ProcessEnv) =>
    readEnv(env).allowedTargets.map(([address, bits]) => `${address.toString()}/${bits}`);
  expect(ranges({})).toEqual(["127.0.0.0/8", "::1/128"]);
  expect(ranges(server)).toEqual([]);
  expect(ranges({ SCHEDULER_ALLOWED_TARGETS: "10.0.0.0/8, fd00::/8,10.1.2.3" })).toEqual([
    "10.0.0.0/8",
    "fd00::/8",
    "10.1.2.3/32",
  ]);
});

test("origins are read as browsers spell them, and each has to be one", () => {
  const read = (list: string) => readEnv({ SCHEDULER_ALLOWED_ORIGINS: list }).allowedOrigins;
  expect(readEnv({}).allowedOrigins).toEqual([]);
  expect(read("https://App.Example:443/, http://localhost:3000,,http://[::1]:80")).toEqual([
    "https://app.example",
    "http://localhost:3000",
    "http://[::1]",
  ]);
  const wrong = [
    "*",
    "null",
    "app.example",
    "https://*.example",
    "https://*",
    "https://a.example/path",
    "https://a.example?x",
    "https://a.example/#",
    "https://user@a.example",
    "ftp://a.example",
    "https://",
  ];
  expect(problems({ SCHEDULER_ALLOWED_ORIGINS: wrong.join(",") })).toEqual(
    wrong.map((entry) => expect.stringContaining(`"${entry}" is no single origin; write it like https://`)),
  );
});

test("everything that is wrong is told at once, without the values that are secret", () => {
  const told = problems({
    DATABASE_URL: "mysql://u:hunter2@db",
    PORT: "http",
    SCHEDULER_ENCRYPTION_KEY: "c2hvcnQ=",
    SCHEDULER_ENCRYPTION_KEY_PREVIOUS: "hunter2",
    SCHEDULER_BOOTSTRAP_TOKEN: "cron_pat_hunter2",
    SCHEDULER_ADMIN_PASSWORD: "hunter2",
    SCHEDULER_CONCURRENCY: "0",
    SCHEDULER_ALLOWED_TARGETS: "10.0.0.0/8,everything",
    SCHEDULER_RETENTION_DAYS: "a month",
    LOG_LEVEL: "loud",
  });
  expect(told.map((line) => line.slice(4, line.indexOf(":")))).toEqual([
    "DATABASE_URL",
    "PORT",
    "SCHEDULER_ENCRYPTION_KEY",
    "SCHEDULER_ENCRYPTION_KEY_PREVIOUS",
    "SCHEDULER_BOOTSTRAP_TOKEN",
    "SCHEDULER_ADMIN_PASSWORD",
    "SCHEDULER_CONCURRENCY",
    "SCHEDULER_ALLOWED_TARGETS",
    "SCHEDULER_RETENTION_DAYS",
    "LOG_LEVEL",
    "SCHEDULER_JWT_SECRET",
  ]);
  expect(told.join()).not.toContain("hunter2");
});

test("a server of its own needs keys that every process shares", () => {
  expect(problems({ DATABASE_URL: server.DATABASE_URL })).toEqual([
    expect.stringMatching(/SCHEDULER_ENCRYPTION_KEY: is needed .* openssl rand -base64 32$/),
    expect.stringMatching(/SCHEDULER_JWT_SECRET: is needed .* openssl rand -base64 32$/),
  ]);
  const previous = Buffer.alloc(32, 2);
  const rotated = { ...server, SCHEDULER_ENCRYPTION_KEY_PREVIOUS: previous.toString("base64") };
  expect(readEnv(rotated)).toMatchObject({
    databaseUrl: server.DATABASE_URL,
    encryptionKey: Buffer.alloc(32, 1),
    previousEncryptionKey: previous,
  });
});
