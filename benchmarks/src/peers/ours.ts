import { createLog, createScheduler } from "@org/scheduler-core";
import { encryptionKey } from "../harness/database.ts";
import { sumStatements, watchStatements } from "../harness/statements.ts";
import type { ContenderSettings } from "./contender.ts";

/**
 * Our side as a worker process runs it: planning, dispatch, the address guard, full history and settling, with the
 * defaults of production. Its jobs are stored beforehand with `storeJobs`.
 */
export async function openOurs({ databaseUrl, slots, watch }: ContenderSettings) {
  const statements = sumStatements();
  if (watch) watchStatements(statements.add);
  const scheduler = await createScheduler({
    databaseUrl,
    encryptionKey,
    allowedTargets: ["127.0.0.0/8"],
    log: createLog("warn"),
  });
  const worker = scheduler.createWorker({ concurrency: slots });
  return {
    start: () => worker.start(),
    /** Lets what is under way be settled. */
    stop: () => scheduler.close(),
    takeStatements: () => statements.take(),
  };
}
