import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pino from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SchedulerError } from "@org/scheduler-contract";
import { type Log, silentLog } from "../log.ts";
import { openEmbedded } from "./connect.ts";
import { lockDataDir } from "./data-dir-lock.ts";

let dataDir: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "lock-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(dataDir, { recursive: true, force: true });
});

interface Other {
  pid: number;
  /** The next line that it says. */
  says(): Promise<string>;
  lock(): void;
  signal(name: NodeJS.Signals): void;
  kill(): Promise<void>;
}

/**
 * Another process: it says "ready", locks when told and says what came of it, and holds on until it is killed. `around`
 * is a command that runs it.
 */
async function startOther(around: string[] = []): Promise<Other> {
  const lock = JSON.stringify(new URL("./data-dir-lock.ts", import.meta.url).href);
  const log = JSON.stringify(new URL("../log.ts", import.meta.url).href);
  const script = `
    const { lockDataDir } = await import(${lock});
    const { silentLog } = await import(${log});
    console.log("ready " + process.pid);
    process.stdin.once("data", () =>
      lockDataDir(${JSON.stringify(dataDir)}, silentLog)
        .then(() => console.log("won"), (error) => console.log(error.code)));`;
  const [command, ...args] = [...around, process.execPath, "--input-type=module", "-e", script];
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const says = async (): Promise<string> => String((await lines.next()).value);
  const pid = Number(/^ready (\d+)$/.exec(await says())?.[1]);
  return {
    pid,
    says,
    lock: () => void child.stdin.write("\n"),
    signal: (name) => void child.kill(name),
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function startHolder(around?: string[]): Promise<Other> {
  const other = await startOther(around);
  other.lock();
  expect(await other.says()).toBe("won");
  return other;
}

const lock = (log: Log = silentLog): Promise<() => Promise<void>> => lockDataDir(dataDir, log, 3000);

/** What a holder left that was killed; `changes` to what it said of itself. */
async function leaveHolder(changes: Record<string, unknown> = {}): Promise<string> {
  const other = await startHolder();
  await other.kill();
  const [file] = (await readdir(dataDir)).filter((name) => name.endsWith(".json"));
  const path = join(dataDir, file!);
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...changes }));
  return path;
}

/** Runs a command in PID namespaces of its own, where this system allows that. */
function ownNamespace(): string[] {
  const around = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
  return spawnSync(around[0]!, [...around.slice(1), "true"]).status === 0 ? around : [];
}

describe("lockDataDir", () => {
  test("takes a directory once, until it is given back", async () => {
    const unlock = await lock();
    await expect(lock()).rejects.toThrow(`${dataDir} is in use by process ${process.pid} on ${hostname()}`);
    await unlock();
    expect(await readdir(dataDir)).toEqual([]);
    await (
      await lock()
    )();
  });

  test("says in one message who has it and since when, and what to do; and takes over when that one was killed", async () => {
    const other = await startHolder();
    const error = await lock().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SchedulerError);
    expect(error).toMatchObject({
      code: "conflict",
      message: expect.stringMatching(
        new RegExp(`in use by process ${other.pid} on ${hostname()}, since 20..-..-..T..:..:..\\....Z\\.$`),
      ) as string,
      hint: expect.stringContaining("SCHEDULER_DATA_DIR") as string,
    });
    expect(await readdir(dataDir)).toHaveLength(2);
    await other.kill();
    const unlock = await lock();
    expect(await readdir(dataDir)).toHaveLength(2);
    await unlock();
  });

  test("is held by a process that another container counts differently", async () => {
    const around = ownNamespace();
    const other = await startHolder(around);
    if (around.length > 0) expect(other.pid).toBe(1);
    await expect(lock()).rejects.toThrow(`in use by process ${other.pid} on`);
    await other.kill();
    await (
      await lock()
    )();
  });

  test("is held by a process that is stopped, and not by one that is dead but not buried", async () => {
    const stopped = await startHolder();
    stopped.signal("SIGSTOP");
    await expect(lock()).rejects.toThrow(`in use by process ${stopped.pid}`);
    await stopped.kill();
    // Its parent becomes one that never asks how its children ended.
    const zombie = await startHolder(["sh", "-c", 'exec 3<&0; "$0" "$@" <&3 & exec sleep 1000']);
    process.kill(zombie.pid, "SIGKILL");
    await expect.poll(() => stateOf(zombie.pid)).toBe("Z");
    await (
      await lock()
    )();
  });

  test(
    "is watched for where another machine had it, and held where it still has",
    { timeout: 40_000 },
    async () => {
      const file = await leaveHolder({ kernel: "another", host: "elsewhere" });
      const told: string[] = [];
      const log = pino({ level: "warn" }, { write: (line) => void told.push(line) });
      const renewal = setInterval(() => void utimes(file, new Date(), new Date()), 500);
      await expect(lock(log)).rejects.toThrow("on elsewhere");
      expect(told[0]).toContain("watching for 3 s");
      clearInterval(renewal);
      await (
        await lock()
      )();
    },
  );

  test("is not held by what a killed process had written halfway", async () => {
    await writeFile(await leaveHolder(), '{"host');
    await (
      await lock()
    )();
    expect(await readdir(dataDir)).toEqual([]);
  });

  test("works in a directory whose path is longer than that of a socket may be", async () => {
    dataDir = join(dataDir, "a".repeat(100));
    await mkdir(dataDir);
    const other = await startHolder();
    await expect(lock()).rejects.toThrow(`in use by process ${other.pid}`);
    await other.kill();
    await (
      await lock()
    )();
  });

  test("leaves files alone that are no locks", async () => {
    await writeFile(join(dataDir, "holder-x.sock"), "");
    await writeFile(join(dataDir, "keys.json"), "{}");
    await (
      await lock()
    )();
    expect(await readdir(dataDir)).toHaveLength(2);
  });

  test("of processes that race for the lock of a dead one, one wins", async () => {
    await leaveHolder();
    const others = await Promise.all(Array.from({ length: 4 }, () => startOther()));
    for (const other of others) other.lock();
    const said = await Promise.all(others.map((other) => other.says()));
    expect(said.toSorted()).toEqual(["conflict", "conflict", "conflict", "won"]);
  });
});

async function stateOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2)[0];
}

/** The rights of a directory and of all that is in it, as seen. */
async function modesOf(directory: string): Promise<Set<string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = [directory, ...entries.map(({ parentPath, name }) => join(parentPath, name))];
  const stats = await Promise.all(paths.map((path) => lstat(path)));
  return new Set(
    stats.map((found) => `${found.isDirectory() ? "d" : "f"} ${(found.mode & 0o777).toString(8)}`),
  );
}

describe("openEmbedded", () => {
  test(
    "keeps its files to their owner, also in a directory that was open to all",
    { timeout: 60_000 },
    async () => {
      await chmod(dataDir, 0o755);
      await mkdir(join(dataDir, "database"), { mode: 0o755 });
      const first = await openEmbedded({ dataDir }, silentLog);
      await first.close();
      expect(await modesOf(dataDir)).toEqual(new Set(["d 700", "f 600"]));
      await chmod(join(dataDir, "database/base"), 0o755);
      await chmod(join(dataDir, "database/PG_VERSION"), 0o666);
      const again = await openEmbedded({ dataDir }, silentLog);
      await again.runSql("create table public.later (x int); checkpoint");
      await again.close();
      expect(await modesOf(dataDir)).toEqual(new Set(["d 700", "f 600"]));
    },
  );

  test("refuses a directory that is everybody's", async () => {
    await chmod(dataDir, 0o1777);
    await expect(openEmbedded({ dataDir }, silentLog)).rejects.toMatchObject({
      code: "invalid_request",
      hint: expect.stringContaining("SCHEDULER_DATA_DIR") as string,
    });
    expect((await lstat(dataDir)).mode & 0o7777).toBe(0o1777);
  });

  test("says what is wrong with a directory, and gives it back", async () => {
    await mkdir(join(dataDir, "database"));
    await writeFile(join(dataDir, "database/PG_VERSION"), "9.6");
    await expect(openEmbedded({ dataDir }, silentLog)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^The embedded database could not be opened: \w/) as string,
    });
    expect(await readdir(dataDir)).toEqual(["database"]);
  });
});
