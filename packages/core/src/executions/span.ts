import { exampleInstant, SchedulerError } from "@org/scheduler-contract";

/** A time to look at, from its first instant up to, and without, its last. Throws `invalid_input` where it is none. */
export function readSpan({ from, to }: { from?: string | undefined; to?: string | undefined }): {
  from: Date | undefined;
  to: Date | undefined;
} {
  const span = {
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
  };
  if (!span.from || !span.to || span.from < span.to) return span;
  throw new SchedulerError("invalid_input", '"from" is not before "to".', {
    field: "from",
    hint: `Give the earlier one as from; leave to out for everything since then, such as {"from": "${exampleInstant()}"}.`,
  });
}
