import { SchedulerError, type Operation } from "@org/scheduler-contract";
import type { Caller } from "./caller.ts";

/** Only people and the system hand out keys: an agent or a service could otherwise widen what it may do. */
const tokenOperations = new Set(["list_tokens", "create_token", "delete_token"]);

/** Throws `forbidden` where the caller may not use an operation at all. */
export function authorize(caller: Caller, operation: Operation): void {
  if (caller.readOnly && operation.risk !== "read") {
    throw new SchedulerError(
      "forbidden",
      `This token may only read, and ${operation.name} changes something.`,
      {
        hint: "Use a token that was created without read_only.",
      },
    );
  }
  if (tokenOperations.has(operation.name) && caller.kind !== "user" && caller.kind !== "system") {
    throw new SchedulerError("forbidden", `A token of kind ${caller.kind} may not manage tokens.`, {
      hint: "Use a user's token (cron_pat_…) for this.",
    });
  }
}
