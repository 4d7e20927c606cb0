import { SchedulerError, type Operation } from "@org/scheduler-contract";
import type { Caller } from "./caller.ts";

/** Throws `forbidden` where the operation's definition keeps this caller out. */
export function authorize(caller: Caller, { name, risk, access }: Operation): void {
  if (caller.readOnly && risk !== "read") {
    throw new SchedulerError("forbidden", `This token may only read, and ${name} changes something.`, {
      hint: "Use a token that was created without read_only.",
    });
  }
  if (typeof access === "object" && !access.kinds.includes(caller.kind)) {
    throw new SchedulerError(
      "forbidden",
      `A token of kind ${caller.kind} may not manage ${access.manages}.`,
      {
        hint: "Use a user's token (cron_pat_…) for this.",
      },
    );
  }
}
