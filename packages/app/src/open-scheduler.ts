import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Bootstrapped,
  type Config,
  createScheduler,
  type Log,
  type Scheduler,
} from "@org/scheduler-core";

export interface Opened {
  scheduler: Scheduler;
  /** What was made up on this start and is shown once. */
  made: Bootstrapped;
}

/** The scheduler of an app, from its settings, with somebody who can get in. */
export async function openScheduler(config: Config, log: Log): Promise<Opened> {
  const embedded = config.databaseUrl === undefined;
  const scheduler = await createScheduler({
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    jwtSecret: config.jwtSecret ?? (embedded ? await generatedKey(config.dataDir, "jwt-secret") : undefined),
    encryptionKey:
      config.encryptionKey ?? (embedded ? await generatedKey(config.dataDir, "encryption-key") : undefined),
    previousEncryptionKey: config.previousEncryptionKey,
    mail: config.mail,
    allowedTargets: config.allowedTargets,
    policyFile: config.policyFile,
    retentionDays: config.retentionDays,
    deadLetterDays: config.deadLetterDays,
    log,
    // Its log has the reason by now. Whoever watches over the process starts it again.
    onBroken: () => process.exit(1),
  });
  try {
    const made = await scheduler.bootstrap({
      adminEmail: config.adminEmail,
      adminPassword: config.adminPassword,
      token: config.bootstrapToken,
    });
    return { scheduler, made };
  } catch (error) {
    await scheduler.close();
    throw error;
  }
}

/** A key that is made on the first start and kept beside the embedded database. */
async function generatedKey(dataDir: string, name: string): Promise<Buffer> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, name);
  try {
    await writeFile(file, randomBytes(32).toString("base64"), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return Buffer.from(await readFile(file, "utf8"), "base64");
}
