import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmod,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SchedulerError } from "@org/scheduler-contract";
import type { Log } from "../log.ts";

/** Who has a data directory, as written in the file beside its socket. */
interface Holder {
  host: string;
  pid: number;
  since: string;
  /** The kernel that it runs on: sockets reach no further. */
  kernel: string;
}

const attempts = 5;
const longestPauseMs = 100;

/** How often a holder shows that it lives to whom no socket tells, and for how long those watch before they doubt it. */
const renewMs = 2000;
const watchedMs = 15_000;

/**
 * Takes a data directory for this process alone; answers how to give it back. Throws `conflict` when it is taken.
 *
 * Each process has a listening socket of its own name in the directory. A process number would say nothing to a process
 * in another container, and a zombie still has one; a socket answers to every process on the machine, and nobody but the
 * kernel takes it away, in the instant that its process ends. First a process puts its socket there, then it looks for
 * those of others. Of two that race, at least one sees the other, so both may step back and try again but they cannot
 * both win; and the socket of a dead process can be taken away without ever meeting that of a living one.
 */
export async function lockDataDir(
  dataDir: string,
  log: Log,
  watchMs = watchedMs,
): Promise<() => Promise<void>> {
  const name = `holder-${randomBytes(6).toString("hex")}`;
  for (let attempt = 1; ; attempt++) {
    const unlock = await hold(dataDir, name);
    try {
      const other = await findOther({ dataDir, log, watchMs }, name);
      if (other === undefined) return unlock;
      if (attempt === attempts) throw taken(dataDir, other.holder);
    } catch (error) {
      await unlock();
      throw error;
    }
    await unlock();
    await sleep(Math.random() * longestPauseMs);
  }
}

/** Listens in the directory, and says in a file who does. */
async function hold(dataDir: string, name: string): Promise<() => Promise<void>> {
  const file = join(dataDir, `${name}.json`);
  const server = createServer((socket) => socket.destroy()).unref();
  const hears = await listen(server, dataDir, name);
  const since = new Date().toISOString();
  const self: Holder = { host: hostname(), pid: process.pid, since, kernel: hears ? await kernelOf() : "" };
  await writeFile(file, JSON.stringify(self), { mode: 0o600 });
  // For those whom no socket tells: a file that does not change is one whose holder is gone.
  const renewal = setInterval(
    () => void utimes(file, new Date(), new Date()).catch(() => {}),
    renewMs,
  ).unref();
  return async () => {
    clearInterval(renewal);
    server.close();
    await rm(join(dataDir, `${name}.sock`), { force: true });
    await rm(file, { force: true });
  };
}

/** With the name of a socket in it, the longest path that every system takes: 103 bytes. */
const maxDirectoryPath = 75;

/** Answers false on file systems that know no sockets, as some that containers share with their host. */
async function listen(server: Server, dataDir: string, name: string): Promise<boolean> {
  try {
    // There, sockets have names of their own; one that is taken cannot be listened on.
    if (process.platform === "win32") await listening(server, await pipeOf(dataDir));
    else
      await throughShortPath(dataDir, async (directory) => {
        // Between binding and listening it would refuse, as the socket of a dead process does.
        await listening(server, join(directory, `${name}.new`));
        await chmod(join(directory, `${name}.new`), 0o600);
        await rename(join(directory, `${name}.new`), join(directory, `${name}.sock`));
      });
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") throw taken(dataDir, undefined);
    if (["ENOTSUP", "EOPNOTSUPP", "EPERM", "EINVAL"].includes(code)) return false;
    throw error;
  }
}

async function listening(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, "listening");
}

async function pipeOf(dataDir: string): Promise<string> {
  const digest = createHash("sha256")
    .update(await realpath(dataDir))
    .digest("hex");
  return `\\\\.\\pipe\\scheduler-${digest}`;
}

async function throughShortPath<Result>(
  dataDir: string,
  use: (directory: string) => Promise<Result>,
): Promise<Result> {
  if (Buffer.byteLength(dataDir) < maxDirectoryPath) return use(dataDir);
  const directory = await mkdtemp(join(tmpdir(), "s-"));
  try {
    await symlink(await realpath(dataDir), join(directory, "d"));
    return await use(join(directory, "d"));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Who else has the directory, as far as that is known. What dead processes left there is taken away. */
async function findOther(watch: Watch, own: string): Promise<{ holder: Holder | undefined } | undefined> {
  const { dataDir } = watch;
  const files = await readdir(dataDir);
  const names = files.flatMap((file) => /^(holder-[0-9a-f]{12})\.(?:json|sock)$/.exec(file)?.[1] ?? []);
  for (const name of new Set(names)) {
    if (name === own) continue;
    const holder = await readHolder(join(dataDir, `${name}.json`));
    if ((await answers(dataDir, name)) || (holder && (await isRenewed(watch, name, holder))))
      return { holder };
    await rm(join(dataDir, `${name}.sock`), { force: true });
    await rm(join(dataDir, `${name}.json`), { force: true });
  }
  return undefined;
}

/** Undefined where nothing can be read: it is being written, or its process was killed while it wrote. */
async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

/** Whether the kernel knows who listens. One that is stopped, or too busy to answer, does all the same. */
async function answers(dataDir: string, name: string): Promise<boolean> {
  if (process.platform === "win32") return false;
  return throughShortPath(dataDir, async (directory) => {
    const socket = connect(join(directory, `${name}.sock`));
    try {
      await once(socket, "connect");
      return true;
    } catch (error) {
      return !["ECONNREFUSED", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "");
    } finally {
      socket.destroy();
    }
  });
}

interface Watch {
  dataDir: string;
  log: Log;
  watchMs: number;
}

/** Watches whether a holder that no socket can tell of still renews its file. */
async function isRenewed({ dataDir, log, watchMs }: Watch, name: string, holder: Holder): Promise<boolean> {
  if (holder.kernel === (await kernelOf())) return false;
  const seconds = watchMs / 1000;
  log.warn(
    { holder },
    `${dataDir} was in use on another machine, or before this one started; watching for ${seconds} s whether it still is`,
  );
  const file = join(dataDir, `${name}.json`);
  const renewedAt = async (): Promise<number | undefined> =>
    (await stat(file).catch(() => undefined))?.mtimeMs;
  const before = await renewedAt();
  for (let waited = 0; waited < watchMs; waited += renewMs / 2) {
    await sleep(renewMs / 2);
    const now = await renewedAt();
    if (now !== before) return now !== undefined;
  }
  return false;
}

function taken(dataDir: string, holder: Holder | undefined): SchedulerError {
  const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.since}` : "another process";
  return new SchedulerError("conflict", `${dataDir} is in use by ${who}.`, {
    hint: "The embedded database takes one process: stop that one, set another SCHEDULER_DATA_DIR, or set DATABASE_URL to use a PostgreSQL server.",
  });
}

/** The same in every container of a machine, and another one after each start of it. */
async function kernelOf(): Promise<string> {
  try {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  } catch {
    return hostname();
  }
}
