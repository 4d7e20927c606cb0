import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { track } from "./leftovers.ts";

export type AppName = "server" | "api" | "mcp-http" | "worker";

/** How a process ended. */
interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  afterMs: number;
  output: string;
}

/** A process of one of the apps, whether it comes up or not. */
export interface Launched {
  pid: number;
  /** Both streams, as they came. */
  output(): string;
  /** The URL of its greeting. Rejects when it ends without one. */
  ready: Promise<string>;
  exited: Promise<Exit>;
  /** Sends a signal and waits for the end, also of a process that has ended already. */
  end(signal?: NodeJS.Signals): Promise<Exit>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** An app that has greeted. */
export interface App extends Launched {
  url: string;
  readyMs: number;
}

/** An app's environment; nothing of ours leaks into it. */
export type Env = Record<string, string>;

/** Compiled code is kept from one start to the next: a suite makes some forty of them. */
const compileCache = path.join(tmpdir(), "scheduler-e2e-compile-cache");

const root = path.join(import.meta.dirname, "../..");

export function launch(name: AppName, env: Env): Launched {
  const begun = performance.now();
  const child = spawn(process.execPath, [`apps/${name}/main.js`], {
    cwd: root,
    env: { PATH: process.env["PATH"], PORT: "0", NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  const listen = (chunk: Buffer) => {
    output += chunk;
    const url = /is ready[^\n]*: (http:\/\/[^/\s]+)/.exec(output)?.[1];
    if (url) resolve(url);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  const exited = new Promise<Exit>((done) => {
    // "close" comes after "exit", when both streams have been read to their end.
    child.once("close", (code, signal) => {
      tracked.ended();
      done({ code, signal, output, afterMs: Math.round(performance.now() - begun) });
      reject(new Error(`${name} ended with ${code ?? signal} before it was ready:\n${output}`));
    });
  });
  // Whoever launches an app that should not come up waits for its exit only.
  ready.catch(() => {});
  const end = (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    return exited;
  };
  const launched: Launched = {
    pid: child.pid!,
    output: () => output,
    ready,
    exited,
    end,
    [Symbol.asyncDispose]: async () => void (await end("SIGKILL")),
  };
  const tracked = track(launched);
  return launched;
}

/** Starts an app and waits until it says that it is ready. */
export async function startApp(name: AppName, env: Env): Promise<App> {
  const begun = performance.now();
  const launched = launch(name, env);
  return { ...launched, url: await launched.ready, readyMs: Math.round(performance.now() - begun) };
}

/** What a running embedded server says about itself. */
export async function readServerFile(dataDir: string): Promise<{ url: string; token: string }> {
  return JSON.parse(await readFile(path.join(dataDir, "server.json"), "utf8"));
}
