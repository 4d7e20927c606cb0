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

/** Runs something on the database; where that is away for the moment, throws `unavailable` instead of what the driver says. */
export async function orUnavailable<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (!isAway(error)) throw error;
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
