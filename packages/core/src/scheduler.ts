import { type Backend, operations, type SchedulerError } from "@org/scheduler-contract";
import { refusalOf } from "./access/authorize.ts";
import { createGate } from "./access/policy/gate.ts";
import { openPolicyFile, type PolicyFile } from "./access/policy/policy-file.ts";
import { checkSeals, type SealsChecked } from "./audit/seal.ts";
import { authenticate } from "./access/authenticate.ts";
import type { Caller } from "./access/caller.ts";
import { type Clock, databaseClock } from "./clock.ts";
import { orUnavailable } from "./database/away.ts";
import { connectPostgres, type Database, openEmbedded } from "./database/connect.ts";
import { migrate } from "./database/migrate.ts";
import { createMailer, type MailSettings } from "./deliveries/mail.ts";
import { openDeliveryQueue } from "./deliveries/queue.ts";
import { createCipher, type Cipher } from "./encryption/cipher.ts";
import { noKey } from "./encryption/no-key.ts";
import { type Reencrypted, reencrypt } from "./reencrypt.sql.ts";
import { parseRange, type Range } from "./sending/address-guard.ts";
import { createSender } from "./sending/sender.ts";
import type { Engine } from "./engine/engine.ts";
import { loseAllWorkers } from "./engine/presence.sql.ts";
import { createWorker, type Worker, type WorkerOptions } from "./engine/worker.ts";
import { checkReadiness, gaugesOf } from "./engine/health.ts";
import { kept } from "./kept.ts";
import { type Log, silentLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createExecute } from "./operations/execute.ts";
import { createHandlers } from "./operations/handlers.ts";
import { emptyVault, loadVault } from "./secrets/vault.ts";
import { loadKeys } from "./signing/secret.ts";
import { versioned } from "./versioned.ts";
import { bootstrap, type Bootstrapped, type BootstrapSettings } from "./workspaces/bootstrap.ts";

export interface SchedulerOptions {
  /** A PostgreSQL server, 14 or newer. Without it the embedded database is used. */
  databaseUrl?: string | undefined;
  /** Where the embedded database lives; without it, in memory. */
  dataDir?: string | undefined;
  /** Connections to the server that this process may open. 10 unless told. */
  poolSize?: number | undefined;
  /** How often a server that is away is tried before giving up. 10 unless told, about half a minute. */
  connectAttempts?: number | undefined;
  /** Signs JWTs. Without it, logging in with a password is off; tokens work all the same. */
  jwtSecret?: Uint8Array | undefined;
  /** 32 bytes that encrypt secrets at rest, the same in every process. Without it no secret can be created. */
  encryptionKey?: Uint8Array | undefined;
  /** The key before that, as long as something is stored that was encrypted with it. */
  previousEncryptionKey?: Uint8Array | undefined;
  /** How mails are sent to channels. Without it, this process sends none. */
  mail?: MailSettings | undefined;
  /** Private ranges that outgoing requests may reach, as CIDRs. None unless told. */
  allowedTargets?: (string | Range)[] | undefined;
  /** How long history is kept. 30 days unless told. */
  retentionDays?: number | undefined;
  /** How long executions that failed are kept. 90 days unless told. */
  deadLetterDays?: number | undefined;
  /** A policy on calls that holds for every workspace: YAML or JSON, read again when it changes. */
  policyFile?: string | undefined;
  log?: Log | undefined;
  /** Hears that the embedded database stopped for good, as when its disk is full: only a new process can open it again. */
  onBroken?: ((error: SchedulerError) => void) | undefined;
  /** For tests; production goes by the database's clock. */
  clock?: Clock | undefined;
  /** For tests: what an embedded database holds at first, which spares making its tables. */
  dump?: Blob | undefined;
}

/** A scheduler in this process. */
export interface Scheduler extends Backend<Caller> {
  /** A worker that fires jobs, as many as wanted in as many processes as wanted. */
  createWorker(options?: WorkerOptions): Worker;
  /** Makes sure that somebody can get in; answers what it had to make up. */
  bootstrap(settings: BootstrapSettings): Promise<Bootstrapped>;
  /**
   * Encrypts everything with `encryptionKey` that was encrypted with `previousEncryptionKey`; the latter can be forgotten
   * after that. Throws `conflict` without a key.
   */
  reencrypt(onProgress?: (changed: number) => void): Promise<Reencrypted>;
  /** Checks the seals over the audit. */
  checkAudit(onProgress?: (seals: number) => void): Promise<SealsChecked>;
  engine: Engine;
  close(): Promise<void>;
}

/**
 * Connects, brings the schema up to date and puts everything together: the one place that does.
 * Throws `unavailable` where the database cannot be reached, `conflict` where an embedded one is in use.
 */
export async function createScheduler(options: SchedulerOptions = {}): Promise<Scheduler> {
  const log = options.log ?? silentLog;
  const clock = options.clock ?? databaseClock;
  const cipher = cipherOf(options);
  const { policyFile: path } = options;
  const policyFile = path === undefined ? undefined : await openPolicyFile(path, log);
  const database = await openDatabase(options, log);
  try {
    await migrate(database);
    // Whatever ran on the embedded database before is gone with its process: no need to wait until it is missed.
    if (database.embedded) await loseAllWorkers(database.db);
    const allowedTargets = (options.allowedTargets ?? []).map((range) =>
      typeof range === "string" ? parseRange(range) : range,
    );
    const sender = createSender(allowedTargets);
    const { retentionDays = kept.historyDays, deadLetterDays = kept.deadLetterDays } = options;
    const keyring = versioned((scopeId) => loadKeys(database.db, cipher, scopeId), []);
    const vaults = versioned((scopeId) => loadVault(database.db, cipher, scopeId), emptyVault);
    const mailer = options.mail === undefined ? undefined : createMailer(options.mail);
    const deliveries = await openDeliveryQueue(database, log);
    const parts = {
      database,
      deliveries,
      sender,
      mailer,
      keyring,
      vaults,
      cipher,
      clock,
      log,
      retentionDays,
      deadLetterDays,
    };
    return assemble(parts, { jwtSecret: options.jwtSecret, allowedTargets, policyFile });
  } catch (error) {
    await database.close();
    throw error;
  }
}

function cipherOf({ encryptionKey, previousEncryptionKey }: SchedulerOptions): Cipher | undefined {
  return encryptionKey === undefined ? undefined : createCipher(encryptionKey, previousEncryptionKey);
}

function openDatabase(options: SchedulerOptions, log: Log): Promise<Database> {
  if (options.databaseUrl === undefined)
    return openEmbedded({ dataDir: options.dataDir, dump: options.dump, onBroken: options.onBroken }, log);
  return connectPostgres(
    {
      url: options.databaseUrl,
      poolSize: options.poolSize ?? 10,
      connectAttempts: options.connectAttempts ?? 10,
    },
    log,
  );
}

function assemble(
  parts: Omit<Engine, "metrics">,
  {
    allowedTargets,
    jwtSecret,
    policyFile,
  }: { allowedTargets: Range[]; jwtSecret: Uint8Array | undefined; policyFile: PolicyFile | undefined },
): Scheduler {
  const { database, deliveries, clock, log, sender, cipher, mailer } = parts;
  const { db } = database;
  const workers: Worker[] = [];
  const engine = { ...parts, metrics: createMetrics(gaugesOf(parts, workers)) };
  const handlers = createHandlers(jwtSecret);
  const gate = createGate({ db, clock, log, file: policyFile });
  const execute = createExecute({
    db,
    gate,
    deliveries,
    clock,
    log,
    handlers,
    cipher,
    sendsMail: mailer !== undefined,
    allowedTargets,
  });

  return {
    engine,
    execute: (name, input, caller, request) => orUnavailable(() => execute(name, input, caller, request)),
    authenticate: (token) => orUnavailable(() => authenticate(token, { db, jwtSecret, now: clock.now() })),
    async opens(caller) {
      const isOpen = await orUnavailable(() => gate.opens(caller));
      return (name) => !refusalOf(caller, operations[name]) && isOpen(operations[name]);
    },
    bootstrap: (settings) => bootstrap(db, settings),
    async reencrypt(onProgress) {
      if (!cipher) throw noKey("What this changes");
      return reencrypt(db, cipher, onProgress);
    },
    checkAudit: (onProgress) => checkSeals(db, onProgress),
    createWorker(options) {
      const worker = createWorker(engine, options);
      workers.push(worker);
      return worker;
    },
    ready: () => checkReadiness(engine, workers),
    metrics: () => engine.metrics.text(),
    async close() {
      // A worker that cannot write its last outcomes must not keep the rest open.
      await Promise.allSettled(workers.map((worker) => worker.stop()));
      await sender.close();
      mailer?.close();
      policyFile?.close();
      await deliveries.close();
      await database.close();
    },
  };
}
