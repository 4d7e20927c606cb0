import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { createScheduler } from "../scheduler.ts";

/** Makes the tables of the embedded database once for a whole run, and dumps them for each test file to begin with. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "embedded-"));
  const dumpPath = join(directory, "dump.tar");
  const scheduler = await createScheduler();
  const dump = await scheduler.engine.database.embedded!.dumpDataDir("none");
  await writeFile(dumpPath, Buffer.from(await dump.arrayBuffer()));
  await scheduler.close();
  project.provide("dumpPath", dumpPath);
  return () => rm(directory, { recursive: true });
}
