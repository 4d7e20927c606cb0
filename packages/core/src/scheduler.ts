import {
  type Backend,
  type Input,
  type OperationName,
  operations,
  type Output,
  type ParsedInput,
  parseInput,
  type RequestContext,
  SchedulerError,
} from "@org/scheduler-contract";
import { authenticate } from "./access/authenticate.ts";
import { authorize } from "./access/authorize.ts";
import type { Caller } from "./access/caller.ts";
import { createLogin } from "./access/login.ts";
import { accessOperations } from "./access/operations.ts";
import { recordAudit } from "./operations/audit.sql.ts";
import { type Clock, databaseClock } from "./clock.ts";
import { orUnavailable } from "./database/away.ts";
import { connectPostgres, type Database, openEmbedded } from "./database/connect.ts";
import { migrate } from "./database/migrate.ts";
import { readNow } from "./database/now.ts";
import { committed, rolledBack } from "./database/transaction.ts";
import { createCipher, type Cipher } from "./encryption/cipher.ts";
import { parseRange, type Range } from "./engine/address-guard.ts";
import { createSender } from "./engine/attempt.ts";
import { deliveryOperations } from "./deliveries/operations.ts";
import type { Engine } from "./engine/engine.ts";
import { loseAllWorkers } from "./engine/presence.sql.ts";
import { createWorker, type Worker, type WorkerOptions } from "./engine/worker.ts";
import { deadLetterOperations } from "./executions/dead-letters.ts";
import { once } from "./operations/once.ts";
import { executionOperations } from "./executions/operations.ts";
import { jobOperations } from "./jobs/operations.ts";
import { checkReadiness, gaugesOf } from "./engine/health.ts";
import { type Log, silentLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import type { ReadContext, WriteContext } from "./operations/context.ts";
import { openTicketQueue } from "./queue/queue.ts";
import { queueOperations } from "./queues/operations.ts";
import { createKeyring } from "./signing/keyring.ts";
import { signingOperations } from "./signing/operations.ts";
import { loadKeys } from "./signing/secret.ts";
import { sloOperations } from "./slo/operations.ts";
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
  /** Private ranges that outgoing requests may reach, as CIDRs. None unless told. */
  allowedTargets?: (string | Range)[] | undefined;
  /** How long history is kept. 30 days unless told. */
  retentionDays?: number | undefined;
  /** How long executions that failed are kept. 90 days unless told. */
  deadLetterDays?: number | undefined;
  log?: Log | undefined;
  /** Hears that the embedded database stopped for good, as when its disk is full: only a new process can open it again. */
  onBroken?: ((error: SchedulerError) => void) | undefined;
  /** For tests; production goes by the database's clock. */
  clock?: Clock | undefined;
}

/** A scheduler in this process. */
export interface Scheduler extends Backend<Caller> {
  /** A worker that fires jobs, as many as wanted in as many processes as wanted. */
  createWorker(options?: WorkerOptions): Worker;
  /** Makes sure that somebody can get in; answers what it had to make up. */
  bootstrap(settings: BootstrapSettings): Promise<Bootstrapped>;
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
  const database = await openDatabase(options, log);
  try {
    await migrate(database);
    // Whatever ran on the embedded database before is gone with its process: no need to wait until it is missed.
    if (database.embedded) await loseAllWorkers(database.db);
    const queue = await openTicketQueue(database, log);
    const sender = createSender(
      (options.allowedTargets ?? []).map((range) => (typeof range === "string" ? parseRange(range) : range)),
    );
    const { retentionDays = 30, deadLetterDays = 90 } = options;
    const keyring = createKeyring((scopeId) => loadKeys(database.db, cipher, scopeId));
    const parts = { database, queue, sender, keyring, clock, log, retentionDays, deadLetterDays };
    return assemble(parts, { jwtSecret: options.jwtSecret, cipher });
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
    return openEmbedded({ dataDir: options.dataDir, onBroken: options.onBroken }, log);
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
  { jwtSecret, cipher }: { jwtSecret: Uint8Array | undefined; cipher: Cipher | undefined },
): Scheduler {
  const handlers = {
    ...accessOperations,
    ...jobOperations,
    ...executionOperations,
    ...deadLetterOperations,
    ...queueOperations,
    ...deliveryOperations,
    ...signingOperations(cipher),
    ...sloOperations,
  };
  const { database, clock, queue, sender } = parts;
  const { db } = database;
  const login = createLogin(db, jwtSecret);
  const workers: Worker[] = [];
  const engine = { ...parts, metrics: createMetrics(gaugesOf(parts, workers)) };

  async function execute<Name extends OperationName>(
    name: Name,
    input: Input<Name>,
    caller?: Caller,
    request: RequestContext = {},
  ): Promise<Output<Name>> {
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (!operation) throw unknownOperation(name);
    const parsed = parseInput(operation, input);
    if (operation.name === "login") {
      const credentials = parsed as ParsedInput<"login">;
      return (await login(credentials, {
        now: await readNow(db, clock.now()),
        address: request.address,
      })) as Output<Name>;
    }
    if (!caller) {
      throw new SchedulerError("unauthenticated", "This needs a caller.", { hint: "Authenticate first." });
    }
    authorize(caller, operation);
    const handler = handlers[name as keyof typeof handlers] as (
      context: ReadContext | WriteContext,
      input: unknown,
    ) => Promise<Output<Name>>;
    if (operation.risk === "read")
      return handler({ db, caller, now: () => readNow(db, clock.now()) }, parsed);
    const { dry_run, idempotency_key: key } = parsed as { dry_run?: boolean; idempotency_key?: string };
    const dryRun = dry_run === true;
    return (dryRun ? rolledBack : committed)(db, async (tx) => {
      const now = await readNow(tx, clock.now());
      const context = { tx, caller, now, dryRun };
      return once(
        context,
        { key, operation: name, input: parsed, onReplayed: request.onReplayed },
        async () => {
          const output = await handler(context, parsed);
          await recordAudit(tx, { caller, operation: name, target: targetOf(output) }, now);
          return output;
        },
      );
    });
  }

  return {
    engine,
    execute: (name, input, caller, request) => orUnavailable(() => execute(name, input, caller, request)),
    authenticate: (token) => orUnavailable(() => authenticate(token, { db, jwtSecret, now: clock.now() })),
    bootstrap: (settings) => bootstrap(db, settings),
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
      await queue.close();
      await sender.close();
      await database.close();
    },
  };
}

function unknownOperation(name: string): SchedulerError {
  return new SchedulerError("not_found", `There is no operation "${name}".`, {
    hint: `Known operations: ${Object.keys(operations).join(", ")}.`,
  });
}

/** The id of what an operation answered with. */
function targetOf(output: unknown): string | null {
  const id = (output as { id?: unknown } | null)?.id;
  return typeof id === "string" ? id : null;
}
