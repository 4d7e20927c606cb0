import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** A scheduler in a process of its own, on an embedded database that goes with it. */
export interface DemoServer extends AsyncDisposable {
  url: string;
  token: string;
}

const main = path.join(import.meta.dirname, "../../apps/server/main.js");

/** When `signal` aborts, the server ends, and with it everything that waits for it. */
export async function startServer(signal: AbortSignal): Promise<DemoServer> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "scheduler-demo-"));
  const server = spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], SCHEDULER_DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(server, "exit");
  const kill = () => server.kill("SIGTERM");
  if (signal.aborted) kill();
  signal.addEventListener("abort", kill);
  const dispose = async () => {
    kill();
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    await greeting(server.stdout, exited);
    const file = await readFile(path.join(dataDir, "server.json"), "utf8");
    return { ...(JSON.parse(file) as { url: string; token: string }), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Resolves when the server says that it is ready. */
async function greeting(output: NodeJS.ReadableStream, exited: Promise<unknown>): Promise<void> {
  let text = "";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  output.on("data", (chunk: Buffer) => {
    text += chunk;
    if (text.includes("is ready")) resolve();
  });
  void exited.then(() => reject(new Error("the server ended before it was ready")));
  await promise;
}
