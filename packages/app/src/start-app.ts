import { type Bootstrapped, type Config, type Log, type Scheduler } from "@org/scheduler-core";
import { createLimiter, createListener, type Face, type Limiter, usualLimits } from "@org/scheduler-http";
import { allowedHosts } from "./allowed-hosts.ts";
import { openScheduler } from "./open-scheduler.ts";
import { serve } from "./serve.ts";

export interface AppParts {
  /** Where it listens unless PORT says otherwise. */
  port: number;
  /** What it serves besides health. */
  faces: (
    scheduler: Scheduler,
    options: { allowedHosts: string[]; allowedOrigins: string[]; log: Log; limiter: Limiter },
  ) => Face[];
  /** Fires jobs in this process too. */
  worker: boolean;
}

export interface StartedApp {
  scheduler: Scheduler;
  /** What was made up on this start and is shown once. */
  made: Bootstrapped;
  url: string;
  /** Takes no new request, then lets the worker finish or hand back what it holds. */
  stop(): Promise<void>;
}

/** Opens the scheduler, listens, and starts the worker; what was opened is closed again where a step fails. */
export async function startApp(config: Config, log: Log, parts: AppParts): Promise<StartedApp> {
  const { scheduler, made } = await openScheduler(config, log);
  try {
    const { allowedOrigins } = config;
    // One for all faces: a token is the same whichever it comes through.
    const limiter = createLimiter({
      perToken: config.rateLimit,
      perAgent: Math.min(config.rateLimit, usualLimits.perAgent),
      perAddress: config.addressRateLimit,
    });
    const options = { allowedHosts: allowedHosts(config), allowedOrigins, log, limiter };
    const faces = parts.faces(scheduler, options);
    const app = createListener(scheduler, { ...options, faces });
    const served = await serve(app, { host: config.host, port: config.port ?? parts.port });
    if (parts.worker) await scheduler.createWorker({ concurrency: config.concurrency }).start();
    const stop = async (): Promise<void> => {
      await served.stop();
      await scheduler.close();
    };
    return { scheduler, made, url: served.url, stop };
  } catch (error) {
    await scheduler.close();
    throw error;
  }
}
