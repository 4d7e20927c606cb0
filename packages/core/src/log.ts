import pino from "pino";
import pretty from "pino-pretty";

export type Log = pino.Logger;

/** Structured logs on standard error: JSON, or coloured lines where a person watches. Never bodies or header values. */
export function createLog(level: string): Log {
  const options = { level, base: null };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(
    options,
    pretty({ destination: 2, sync: true, translateTime: "SYS:HH:MM:ss.l", ignore: "pid,hostname" }),
  );
}

/** A log that says nothing, for a library whose host has none to give. */
export const silentLog: Log = pino({ level: "silent" });

/** What went wrong in a few words; the message alone may be empty, as it is when every address refuses. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message || error.name;
}
