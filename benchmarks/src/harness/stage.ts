import { startPostgres } from "@org/scheduler-core/testing";
import { openDatabases, type Databases } from "./database.ts";
import { type RedisServer, startRedis } from "./redis.ts";
import { type BenchTarget, startBenchTarget } from "./target.ts";

export interface StageOptions {
  /** Tiny sizes and one round, to see that everything works. */
  quick: boolean;
  /** What sizes and rounds are multiplied with. */
  scale: number;
  /** Prints which statements of ours took longest. */
  profile: boolean;
}

/** What all benchmarks of a run share: one PostgreSQL, durable as in production, one target, and a Redis where there is one. */
export interface Stage extends StageOptions, AsyncDisposable {
  databases: Databases;
  target: BenchTarget;
  redis: RedisServer | undefined;
  /** The size of something, or the number of rounds: never less than in a quick run. */
  size(full: number, quick: number): number;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startPostgres({ durable: !options.quick }));
  const databases = stack.use(await openDatabases(server.url, { keep: options.quick }));
  const target = stack.use(await startBenchTarget());
  const redis = stack.use(await startRedis());
  const opened = stack.move();
  return {
    ...options,
    databases,
    target,
    redis,
    size: (full, quick) => (options.quick ? quick : Math.max(quick, Math.round(full * options.scale))),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
