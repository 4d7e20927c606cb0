export type { SealsChecked } from "./audit/seal.ts";
export type { Caller } from "./access/caller.ts";
export { type Clock, databaseClock } from "./clock.ts";
export { type Config, ConfigError, readEnv } from "./config.ts";
export type { Worker, WorkerOptions } from "./engine/worker.ts";
export { createLog, type Log, silentLog } from "./log.ts";
export type { Reencrypted } from "./reencrypt.sql.ts";
export { createScheduler, type Scheduler, type SchedulerOptions } from "./scheduler.ts";
export type { Bootstrapped, BootstrapSettings } from "./workspaces/bootstrap.ts";
