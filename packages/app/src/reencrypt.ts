import { createLog, type Reencrypted, readEnv } from "@org/scheduler-core";
import { openScheduler } from "./open-scheduler.ts";

const shown = 10;

/** Encrypts everything with SCHEDULER_ENCRYPTION_KEY, and says what came of it. */
export async function reencryptAll(): Promise<void> {
  const config = readEnv();
  const { scheduler } = await openScheduler(config, createLog("warn"));
  try {
    const done = await scheduler.reencrypt((changed) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${changed} encrypted anew`);
    });
    process.stdout.write(`${summaryOf(done)}\n`);
    if (done.unreadable.length > 0) process.exitCode = 1;
  } finally {
    await scheduler.close();
  }
}

function summaryOf({ changed, unreadable }: Reencrypted): string {
  const values = changed === 1 ? "1 value is" : `${changed} values are`;
  if (unreadable.length === 0)
    return `${values} encrypted anew; all are encrypted with SCHEDULER_ENCRYPTION_KEY now, and the previous key can be forgotten.`;
  const some = unreadable.slice(0, shown).join(", ");
  const more = unreadable.length > shown ? `, and ${unreadable.length - shown} more` : "";
  return `${values} encrypted anew. ${unreadable.length} cannot be read with the keys that are given: ${some}${more}. Keep looking for their key, or make them anew.`;
}
