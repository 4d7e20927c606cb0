import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedulerError } from "@org/scheduler-contract";

interface Holder {
  pid: number;
  /** Tells a process from a later one with the same number, as in a restarted container. */
  started: string;
}

/** Takes a data directory for this process alone; answers how to give it back. Throws `conflict` when it is taken. */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const file = join(dataDir, "process.lock");
  const me: Holder = { pid: process.pid, started: await startOf(process.pid) };
  for (;;) {
    try {
      await writeFile(file, JSON.stringify(me), { flag: "wx", mode: 0o600 });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await readHolder(file);
    if (holder && isAlive(holder.pid) && (await startOf(holder.pid)) === holder.started) {
      throw new SchedulerError("conflict", `${dataDir} is in use by process ${holder.pid}.`, {
        hint: "The embedded database takes one process: stop that one, set another SCHEDULER_DATA_DIR, or set DATABASE_URL to use a PostgreSQL server.",
      });
    }
    await rm(file, { force: true });
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process started, in the kernel's ticks since boot; empty where the system does not tell. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
