import { SchedulerError, type Operation } from "@org/scheduler-contract";
import type { Caller } from "./caller.ts";

/** Only people and the system hand out tokens: an agent or a service could otherwise widen what it may do. */
const tokenOperations = new Set(["list_tokens", "create_token", "delete_token"]);

/** Who has a signing secret can write in the scheduler's name, and who deletes it silences the receivers. */
const signingOperations = new Set(["list_signing_secrets", "create_signing_secret", "delete_signing_secret"]);

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
    throw notForThisKind(caller, "tokens");
  }
  if (signingOperations.has(operation.name) && caller.kind === "agent") {
    throw notForThisKind(caller, "signing secrets");
  }
}

function notForThisKind({ kind }: Caller, what: string): SchedulerError {
  return new SchedulerError("forbidden", `A token of kind ${kind} may not manage ${what}.`, {
    hint: "Use a user's token (cron_pat_…) for this.",
  });
}
