import { execFile } from "node:child_process";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { promisify } from "node:util";
import type { Stage } from "./stage.ts";

/** Where the numbers come from: nothing of this is known to the benchmarks. */
export async function describeMachine({ databases, redis }: Stage) {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGigabytes: Math.round(totalmem() / 1024 ** 3),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    postgres: databases.version,
    redis: redis?.version ?? null,
    loadAtStart: loadavg()[0],
    commit: await gitCommit(),
  };
}

async function gitCommit(): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("git", ["describe", "--always", "--dirty"], {
      cwd: import.meta.dirname,
    });
    return stdout.trim();
  } catch {
    return null;
  }
}
