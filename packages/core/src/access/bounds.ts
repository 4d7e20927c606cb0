import { type Bounds, SchedulerError } from "@org/scheduler-contract";

/** Says `bound_exceeded`: which bound of a key is in the way, its value, and what to ask for. */
export function beyond(
  bound: keyof Bounds,
  bounds: Bounds,
  {
    detail,
    field,
    wanted,
    retryAfterSeconds,
  }: { detail: string; field?: string | undefined; wanted: string; retryAfterSeconds?: number },
): SchedulerError {
  const value = JSON.stringify(bounds[bound]);
  const told = value === undefined ? bound : `${bound} of this key is ${value}`;
  return new SchedulerError("bound_exceeded", `${detail}: ${told}.`, {
    rule: `bounds.${bound}`,
    reason: detail,
    ...(field !== undefined && { field }),
    hint: `${wanted} Or ask whoever made the key for one with wider bounds; GET /v1/me shows these.`,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}
