import { SchedulerError } from "@org/scheduler-contract";
import { type Config, ConfigError, createLog, type Log, readEnv } from "@org/scheduler-core";

/** What an app has running. */
export interface Running {
  /** What to tell the person who started it: where it listens, what to try. */
  greeting: string;
  /** Stops taking work, finishes or hands back what is under way. */
  stop(): Promise<void>;
}

/** Longer than a worker needs to finish or hand back; after that the process is stuck and is left to the reconciler. */
const stopWithinMs = 29_000;

/**
 * Runs an app: settings, start, and a graceful stop on SIGTERM or Ctrl-C (a second one stops at once). What keeps
 * it from starting is said in one message, without a stack.
 */
export async function runApp(
  name: string,
  start: (config: Config, log: Log) => Promise<Running>,
): Promise<void> {
  try {
    const config = readEnv();
    const log = createLog(config.logLevel);
    process.on("unhandledRejection", (error) => log.error({ err: error }, "a promise was rejected unseen"));
    const running = await start(config, log);
    onStopSignal(() => stop(name, running, log));
    // Last: whoever reads it may stop us at once.
    process.stdout.write(`${running.greeting}\n`);
  } catch (error) {
    process.stderr.write(`${name} could not start: ${startProblem(error)}\n`);
    process.exitCode = 1;
    // Whatever was half started must not keep the process.
    setTimeout(() => process.exit(1), 1000).unref();
  }
}

function onStopSignal(stopOnce: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      void stopOnce();
    });
  }
}

async function stop(name: string, running: Running, log: Log): Promise<void> {
  log.info(`${name} is stopping: requests under way may finish`);
  setTimeout(() => {
    log.error(`${name} did not stop in time`);
    process.exit(1);
  }, stopWithinMs).unref();
  try {
    await running.stop();
    log.info(`${name} has stopped`);
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, `${name} did not stop cleanly`);
    process.exit(1);
  }
}

function startProblem(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof SchedulerError) return `${error.message} ${error.hint}`;
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (code === "EADDRINUSE")
    return `${address}:${port} is in use. Set PORT to another one, such as PORT=0 for any free one.`;
  if (code === "EACCES") return `no permission to listen on ${address}:${port}. Set PORT to one above 1023.`;
  return error instanceof Error ? error.message : String(error);
}
