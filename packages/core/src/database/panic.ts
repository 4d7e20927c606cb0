import type { PGlite } from "@electric-sql/pglite";
import { type Dialect, PGliteDialect } from "kysely";
import { SchedulerError } from "@org/scheduler-contract";

/**
 * Watches for a panic of the embedded database, as when the disk is full under its log: a server would restart itself,
 * but here the next call would never come back, and keep the whole process with it. From then on every call fails at
 * once, and `onPanic` hears why. Answers with what tells of the panic.
 */
export function guardAgainstPanic(
  pglite: PGlite,
  onPanic: (error: SchedulerError) => void,
): () => SchedulerError | undefined {
  let panic: SchedulerError | undefined;
  const guarded = <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) => {
    return async (...args: Args): Promise<Answer> => {
      if (panic) throw panic;
      try {
        return await call.apply(pglite, args);
      } catch (error) {
        const { severity, message } = error as { severity?: string; message: string };
        if (severity === "PANIC") onPanic((panic = stopped(message, error)));
        throw error;
      }
    };
  };
  // Each statement, and the end of each transaction, comes through one of these.
  pglite.execProtocol = guarded(pglite.execProtocol);
  pglite.execProtocolStream = guarded(pglite.execProtocolStream);
  return () => panic;
}

/** Kysely waits for ever for a transaction that PGlite cannot begin: after a panic none is begun. */
export function panicAwareDialect(pglite: PGlite, panicOf: () => SchedulerError | undefined): Dialect {
  const dialect = new PGliteDialect({ pglite });
  return {
    createAdapter: () => dialect.createAdapter(),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createDriver() {
      const driver = dialect.createDriver();
      const begin = driver.beginTransaction.bind(driver);
      driver.beginTransaction = async (...args) => {
        const panic = panicOf();
        if (panic) throw panic;
        return begin(...args);
      };
      return driver;
    },
  };
}

function stopped(message: string, cause: unknown): SchedulerError {
  return new SchedulerError("unavailable", `The embedded database stopped: ${message}.`, {
    hint: "Free space on its disk, then start again: what was acknowledged is still there.",
    cause,
  });
}
