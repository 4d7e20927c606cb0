import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { readServerFile, startApp } from "./start-app.ts";

/** A server's first start, which takes the longest: made once, looked at by one test, copied by the others. */
export interface FirstStart {
  dataDir: string;
  url: string;
  token: string;
  /** What server.json may be read by. */
  mode: number;
  readyMs: number;
  output: string;
  exitCode: number | null;
}

declare module "vitest" {
  interface ProvidedContext {
    firstStart: FirstStart;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "e2e-first-"));
  const app = await startApp("server", { SCHEDULER_DATA_DIR: dataDir });
  const { url, token } = await readServerFile(dataDir);
  const { mode } = await stat(path.join(dataDir, "server.json"));
  const { code, output } = await app.end();
  const { readyMs } = app;
  project.provide("firstStart", { dataDir, url, token, mode: mode & 0o777, readyMs, output, exitCode: code });
  return () => rm(dataDir, { recursive: true, force: true });
}
