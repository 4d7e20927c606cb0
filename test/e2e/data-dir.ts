import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject } from "vitest";

/** A data directory of a server that has been started before, for one test to keep. */
export interface DataDir extends AsyncDisposable {
  path: string;
  token: string;
}

export async function copyDataDir(): Promise<DataDir> {
  const { dataDir, token } = inject("firstStart");
  const directory = await mkdtemp(path.join(tmpdir(), "e2e-"));
  await cp(dataDir, directory, { recursive: true });
  return {
    path: directory,
    token,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
