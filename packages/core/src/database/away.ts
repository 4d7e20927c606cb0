import { SchedulerError } from "@org/scheduler-contract";

/** SQLSTATE classes and codes that say "not now" rather than "wrong": PostgreSQL's appendix A. */
const awayStates = /^(08|53|57P0[123]|57014|25006|40001|40P01)/;
const awayCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
]);
/** What the driver throws for these has no code. */
const awayMessages =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error/;

/** What a database may have run out of: waiting alone does not bring it back. SQLSTATE, PostgreSQL's appendix A. */
const shortages: Record<string, { detail: string; hint: string }> = {
  "53100": {
    detail: "The disk of the database is full: nothing can be written.",
    hint: "Free space on the disk of the database, or give it more. What is due waits until then and goes on by itself.",
  },
  "53200": {
    detail: "The database is out of memory.",
    hint: "Give the database more memory, or ask for less at once, and try again.",
  },
  "53300": {
    detail: "The database has no connection left.",
    hint: "Raise its max_connections, or run fewer processes on it, and try again.",
  },
};

function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** Runs something on the database; where that is away for the moment, throws `unavailable` instead of what the driver says. */
export async function orUnavailable<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!isAway(error)) throw error;
    const short = shortages[codeOf(error) ?? ""];
    if (short) {
      const { detail, hint } = short;
      throw new SchedulerError("unavailable", detail, { hint, retryAfterSeconds: 30, cause: error });
    }
    throw new SchedulerError("unavailable", "The database does not answer right now.", {
      hint: "Try again in a few seconds; look first whether a change went through.",
      retryAfterSeconds: 5,
      cause: error,
    });
  }
}

/** Whether an error says that the database cannot be had for the moment, not that it refuses what it was asked. */
export function isAway(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isAway);
  if (!(error instanceof Error) || error instanceof SchedulerError) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return awayMessages.test(error.message);
  return awayCodes.has(code) || awayStates.test(code);
}

/** What the database refuses itself, however often it is tried; not a server that is away, or busy. */
export function isRefused(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !isAway(error);
}
