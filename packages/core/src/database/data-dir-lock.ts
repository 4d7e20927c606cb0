import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SchedulerError } from "@org/scheduler-contract";

interface Holder {
  pid: number;
  /** Tells a process from a later one with the same number, as in a restarted container. */
  started: string;
}

const attempts = 5;
const longestPauseMs = 100;

/**
 * Takes a data directory for this process alone; answers how to give it back. Throws `conflict` when it is taken.
 * Each process has a file of its own name: first it puts that there, then it looks for those of others. Of two that
 * race, at least one sees the other, so both may step back and try again but they cannot both win; and the file of
 * a dead process can be taken away without ever meeting that of a living one.
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const me: Holder = { pid: process.pid, started: await startOf(process.pid) };
  const file = join(dataDir, nameOf(me));
  for (let attempt = 1; ; attempt++) {
    const other = await claim(dataDir, me);
    if (other === undefined) return () => rm(file, { force: true });
    if (attempt === attempts || other.pid === me.pid) throw taken(dataDir, other);
    await sleep(Math.random() * longestPauseMs);
  }
}

/** Answers who else is there; nobody means that the directory is ours. */
async function claim(dataDir: string, me: Holder): Promise<Holder | undefined> {
  const file = join(dataDir, nameOf(me));
  try {
    await writeFile(file, "", { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return me;
    throw error;
  }
  for (const holder of await readHolders(dataDir)) {
    if (holder.pid === me.pid && holder.started === me.started) continue;
    if (await isAlive(holder)) {
      await rm(file, { force: true });
      return holder;
    }
    await rm(join(dataDir, nameOf(holder)), { force: true });
  }
  return undefined;
}

function taken(dataDir: string, { pid }: Holder): SchedulerError {
  return new SchedulerError("conflict", `${dataDir} is in use by process ${pid}.`, {
    hint: "The embedded database takes one process: stop that one, set another SCHEDULER_DATA_DIR, or set DATABASE_URL to use a PostgreSQL server.",
  });
}

function nameOf({ pid, started }: Holder): string {
  return `process-${pid}-${started}.lock`;
}

async function readHolders(dataDir: string): Promise<Holder[]> {
  const names = await readdir(dataDir);
  return names.flatMap((name) => {
    const [, pid, started = ""] = /^process-(\d+)-(\d*)\.lock$/.exec(name) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), started }];
  });
}

async function isAlive({ pid, started }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return (await startOf(pid)) === started;
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
