import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject } from "vitest";
import { type App, type Env, startApp } from "./start-app.ts";

/** A data directory of a server that has been started before, for one test to keep. */
export interface DataDir extends AsyncDisposable {
  path: string;
  token: string;
}

export async function copyDataDir(): Promise<DataDir> {
  const first = inject("firstStart");
  const directory = await mkdtemp(path.join(tmpdir(), "e2e-"));
  await cp(first.dataDir, directory, { recursive: true });
  return {
    path: directory,
    token: first.token,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

export interface Server extends App {
  token: string;
}

/** The server app on a data directory of its own, which goes with it. */
export async function startServer(env: Env = {}): Promise<Server> {
  const dataDir = await copyDataDir();
  const app = await startApp("server", { SCHEDULER_DATA_DIR: dataDir.path, ...env });
  return {
    ...app,
    token: dataDir.token,
    [Symbol.asyncDispose]: async () => {
      await app[Symbol.asyncDispose]();
      await dataDir[Symbol.asyncDispose]();
    },
  };
}
