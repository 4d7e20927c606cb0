import { readFile } from "node:fs/promises";
import { unwatchFile, watchFile } from "node:fs";
import { SchedulerError } from "@org/scheduler-contract";
import { type Log, reasonOf } from "../../log.ts";
import { isKnownTool } from "./names.ts";
import type { Policy } from "./policy.ts";
import { readPolicy } from "./read.ts";

/** The policy of a file, which holds for every workspace of this process. */
export interface PolicyFile {
  policy(): Policy;
  close(): void;
}

const lookMs = 500;

/**
 * Reads a policy file, and reads it again when it changes: a bad one is logged, and the one before stays in force. Throws
 * `invalid_policy` for the first.
 */
export async function openPolicyFile(path: string, log: Log): Promise<PolicyFile> {
  let policy = await read(path, log).catch((error: unknown) => {
    throw unusable(path, error);
  });
  const reread = (): void => {
    read(path, log).then(
      (changed) => {
        policy = changed;
        log.info({ path }, "the policy file was read again");
      },
      (error: unknown) =>
        log.error({ path, reason: reasonOf(error) }, "the policy file is bad: the one before stays in force"),
    );
  };
  // By looking: what watches a directory hears nothing of files that are mounted, as ConfigMaps are.
  watchFile(path, { interval: lookMs, persistent: false }, reread);
  return { policy: () => policy, close: () => unwatchFile(path, reread) };
}

async function read(path: string, log: Log): Promise<Policy> {
  const { policy, warnings } = readPolicy(await readFile(path, "utf8"), isKnownTool);
  for (const { line, path: where, message } of warnings) log.warn({ line, where }, `policy file: ${message}`);
  return policy;
}

/** Everything that is wrong with it, for whoever starts the process. */
function unusable(path: string, error: unknown): SchedulerError {
  const flaws = error instanceof SchedulerError ? (error.errors ?? []).map(({ detail }) => detail) : [];
  const told = flaws.length > 0 ? flaws : [reasonOf(error)];
  return new SchedulerError(
    "invalid_policy",
    `The policy file ${path} cannot be used:\n${told.map((flaw) => `  - ${flaw}`).join("\n")}\n`,
    { hint: "Mend it, or start without SCHEDULER_POLICY_FILE.", cause: error },
  );
}
