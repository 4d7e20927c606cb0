import { createLog, readEnv, type SealsChecked } from "@org/scheduler-core";
import { openScheduler } from "./open-scheduler.ts";

const shown = 10;

/** Checks the seals over the audit, and says what came of it. */
export async function verifyAudit(): Promise<void> {
  const { scheduler } = await openScheduler(readEnv(), createLog("warn"));
  try {
    const checked = await scheduler.checkAudit((seals) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${seals} seals checked`);
    });
    process.stdout.write(`${summaryOf(checked)}\n`);
    if (checked.broken.length > 0) process.exitCode = 1;
  } finally {
    await scheduler.close();
  }
}

function summaryOf({ seals, entries, broken, last }: SealsChecked): string {
  if (last === null)
    return "There is no seal yet: entries are sealed a quarter of an hour after they were made.";
  if (broken.length === 0)
    return `${seals} seals over ${entries} entries hold. The last is ${last.number}, ${last.hash}: keep it elsewhere, and look for it next time.`;
  const lines = broken
    .slice(0, shown)
    .map(({ number, from, to, why }) => `  seal ${number}, ${from} to ${to}: ${why}`);
  const more = broken.length > shown ? [`  and ${broken.length - shown} more`] : [];
  return [`${broken.length} of ${seals} seals do not hold:`, ...lines, ...more].join("\n");
}
