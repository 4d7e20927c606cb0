import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SchedulerError } from "@org/scheduler-contract";
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
  kill(): Promise<void>;
}

/** Another process: it says "ready", locks when told and says what came of it, and holds on until it is killed. */
async function startOther(): Promise<Other> {
  const script = `
    const { lockDataDir } = await import(${JSON.stringify(new URL("./data-dir-lock.ts", import.meta.url).href)});
    console.log("ready");
    process.stdin.once("data", () =>
      lockDataDir(${JSON.stringify(dataDir)}).then(() => console.log("won"), (error) => console.log(error.code)));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const says = async (): Promise<string> => String((await lines.next()).value);
  expect(await says()).toBe("ready");
  return {
    pid: child.pid!,
    says,
    lock: () => void child.stdin.write("\n"),
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

describe("lockDataDir", () => {
  test("takes a directory once, until it is given back", async () => {
    const unlock = await lockDataDir(dataDir);
    await expect(lockDataDir(dataDir)).rejects.toThrow(`${dataDir} is in use by process ${process.pid}.`);
    await unlock();
    expect(await readdir(dataDir)).toEqual([]);
    await (
      await lockDataDir(dataDir)
    )();
  });

  test("says in one message which process has it, and what to do; and takes over when that one was killed", async () => {
    const other = await startOther();
    other.lock();
    expect(await other.says()).toBe("won");
    const error = await lockDataDir(dataDir).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SchedulerError);
    expect(error).toMatchObject({
      code: "conflict",
      message: `${dataDir} is in use by process ${other.pid}.`,
      hint: expect.stringContaining("SCHEDULER_DATA_DIR") as string,
    });
    expect(await readdir(dataDir)).toHaveLength(1);
    await other.kill();
    const unlock = await lockDataDir(dataDir);
    expect(await readdir(dataDir)).toHaveLength(1);
    await unlock();
  });

  test("is not fooled by a later process with the number of a dead one", async () => {
    await writeFile(join(dataDir, `process-${process.pid}-1.lock`), "");
    await writeFile(join(dataDir, "process-1-1.lock"), "");
    const unlock = await lockDataDir(dataDir);
    expect(await readdir(dataDir)).toHaveLength(1);
    await unlock();
  });

  test("leaves files alone that are no locks", async () => {
    await writeFile(join(dataDir, "process-x.lock"), "");
    await writeFile(join(dataDir, "keys.json"), "{}");
    await (
      await lockDataDir(dataDir)
    )();
    expect(await readdir(dataDir)).toHaveLength(2);
  });

  test("of processes that race for the lock of a dead one, one wins", async () => {
    await writeFile(join(dataDir, "process-4194304-1.lock"), "");
    const others = await Promise.all(Array.from({ length: 4 }, startOther));
    for (const other of others) other.lock();
    const said = await Promise.all(others.map((other) => other.says()));
    expect(said.toSorted()).toEqual(["conflict", "conflict", "conflict", "won"]);
  });
});

describe("openEmbedded", () => {
  test("says what is wrong with a directory, and gives it back", async () => {
    await mkdir(join(dataDir, "database"));
    await writeFile(join(dataDir, "database/PG_VERSION"), "9.6");
    await expect(openEmbedded(dataDir)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/^The embedded database could not be opened: \w/) as string,
    });
    expect(await readdir(dataDir)).toEqual(["database"]);
  });
});
