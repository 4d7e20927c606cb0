import { errorCodes, type Execute, SchedulerError } from "@org/scheduler-contract";

/** Carries out what belongs to a call that was made already: no policy counts it for itself. */
export function aside(execute: Execute): Execute {
  return (name, input, options) => execute(name, input, { ...options, aside: true });
}

/** Whether somebody may not do something, or not so often. */
export function isRefusal(error: unknown): boolean {
  return error instanceof SchedulerError && [403, 429].includes(errorCodes[error.code].status);
}
