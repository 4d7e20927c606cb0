import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The worker as users run it. */
export interface WorkerApp extends AsyncDisposable {
  /** Its resident memory as the operating system sees it, in MB of 1024² bytes. */
  residentMegabytes(): Promise<number>;
}

const main = fileURLToPath(new URL("../../../apps/worker/main.js", import.meta.url));

export async function startWorkerApp(databaseUrl: string): Promise<WorkerApp> {
  const secret = randomBytes(32).toString("base64");
  // As its start script does: with V8's default, a worker under load keeps 60 MB more of short-lived garbage.
  const app = spawn(process.execPath, ["--max-semi-space-size=8", main], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      SCHEDULER_ENCRYPTION_KEY: secret,
      SCHEDULER_JWT_SECRET: secret,
      SCHEDULER_ALLOWED_TARGETS: "127.0.0.0/8",
      PORT: "0",
      LOG_LEVEL: "warn",
    },
  });
  const ready = Promise.withResolvers<void>();
  app.stdout.on("data", (text: Buffer) => {
    if (text.includes("is ready")) ready.resolve();
  });
  app.once("exit", (code) => ready.reject(new Error(`the worker app ended with ${code}`)));
  await ready.promise;
  return {
    async residentMegabytes() {
      const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", `${app.pid}`]);
      return Number(stdout) / 1024;
    },
    async [Symbol.asyncDispose]() {
      const exit = once(app, "exit");
      app.kill();
      await exit;
    },
  };
}
