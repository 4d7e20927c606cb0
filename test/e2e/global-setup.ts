import { cp, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { readServerFile, startApp } from "./start-app.ts";

/** A server's first start, which takes the longest: made once, and one test looks at what came of it. */
export interface FirstStart {
  url: string;
  token: string;
  /** Who may read server.json. */
  mode: number;
  readyMs: number;
  output: string;
  exitCode: number | null;
  /** What it left behind, for tests to copy. */
  dataDir: string;
}

declare module "vitest" {
  interface ProvidedContext {
    firstStart: FirstStart;
    /** A server on the embedded database that runs all the time, for tests that leave it as it is. */
    server: { url: string; token: string };
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(path.join(tmpdir(), "e2e-first-"));
  const dataDir = path.join(directory, "left");
  const first = await startApp("server", { SCHEDULER_DATA_DIR: dataDir });
  const { url, token } = await readServerFile(dataDir);
  const { mode } = await stat(path.join(dataDir, "server.json"));
  const { code: exitCode, output } = await first.end();
  const { readyMs } = first;
  project.provide("firstStart", { url, token, mode: mode & 0o777, readyMs, output, exitCode, dataDir });

  const running = path.join(directory, "running");
  await cp(dataDir, running, { recursive: true });
  const server = await startApp("server", {
    SCHEDULER_DATA_DIR: running,
    SCHEDULER_ALLOWED_ORIGINS: "https://app.example",
  });
  project.provide("server", { url: server.url, token });
  return async () => {
    await server.end();
    await rm(directory, { recursive: true, force: true });
  };
}
