import { SchedulerError } from "@org/scheduler-contract";

/** Something is to be encrypted, and there is no key for that. */
export function noKey(what: string): SchedulerError {
  return new SchedulerError("conflict", `${what} is stored encrypted, and there is no key for that.`, {
    hint: "Give 32 bytes, the same in every process: SCHEDULER_ENCRYPTION_KEY=$(openssl rand -base64 32), or createScheduler({ encryptionKey }).",
  });
}
