import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

export interface RedisServer extends AsyncDisposable {
  url: string;
  version: string;
}

const binary = "/usr/bin/redis-server";

/**
 * A Redis of its own on a free port, or undefined on a machine that has none. It appends to a file and syncs it every
 * second, as BullMQ asks for in production: https://docs.bullmq.io/guide/going-to-production#persistence
 */
export async function startRedis(): Promise<RedisServer | undefined> {
  if (!existsSync(binary)) return undefined;
  const directory = await mkdtemp(path.join(tmpdir(), "redis-"));
  const port = await freePort();
  const settings = { port, bind: "127.0.0.1", dir: directory, appendonly: "yes", appendfsync: "everysec" };
  const server = spawn(
    binary,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]),
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  let log = "";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", () => reject(new Error(`redis did not start:\n${log}`)));
    server.stdout.on("data", (chunk: Buffer) => {
      log += chunk;
      if (log.includes("Ready to accept connections")) resolve();
    });
  });
  const { stdout } = await promisify(execFile)(binary, ["--version"]);
  return {
    version: /v=(\S+)/.exec(stdout)?.[1] ?? stdout,
    url: `redis://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const exit = once(server, "exit");
      server.kill();
      await exit;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
