import { SchedulerError, type Operation } from "@org/scheduler-contract";
import type { Caller } from "./caller.ts";

/** Operations that no scopes take away: who one is, and an end to it. */
const always = ["get_me", "logout"];

/** Throws `forbidden` where the operation's definition, the caller's role or the token's scopes keep the caller out. */
export function authorize(caller: Caller, operation: Operation): void {
  const refusal = refusalOf(caller, operation);
  if (refusal) throw refusal;
}

/** Why a caller may not use an operation at all, whatever it is about; undefined where it may. */
export function refusalOf(
  caller: Caller,
  { name, risk, access, toolset }: Operation,
): SchedulerError | undefined {
  if (caller.readOnly && risk !== "read") {
    return forbidden(
      `This token may only read, and ${name} changes something.`,
      "Use a token that was created without read_only.",
    );
  }
  if (caller.role === "member" && risk !== "read" && !always.includes(name)) {
    return forbidden(
      `A member of the workspace may only read, and ${name} changes something.`,
      "Ask an owner for the role admin: PATCH /v1/users/{user_id}.",
    );
  }
  if (typeof access === "object" && !access.kinds.includes(caller.kind)) {
    const hint = "Use a user's token (cron_pat_…) for this.";
    return forbidden(`A token of kind ${caller.kind} may not manage ${access.manages}.`, hint);
  }
  if (typeof access === "object" && caller.role !== null && access.roles?.includes(caller.role) === false) {
    return forbidden(
      `Somebody whose role is ${caller.role} may not manage ${access.manages}.`,
      `Ask somebody whose role is ${access.roles.join(" or ")}; GET /v1/users shows who that is.`,
    );
  }
  if (caller.scopes && !always.includes(name) && !isInScope(caller.scopes, { name, toolset })) {
    return forbidden(
      `This token is not for ${name}: its scopes are ${caller.scopes.join(", ")}.`,
      toolset === null
        ? `Use a token whose scopes name ${name}.`
        : `Use a token whose scopes name ${toolset}, or ${name} alone.`,
    );
  }
  return undefined;
}

function isInScope(
  scopes: readonly string[],
  { name, toolset }: Pick<Operation, "name" | "toolset">,
): boolean {
  return scopes.includes(name) || (toolset !== null && scopes.includes(toolset));
}

function forbidden(detail: string, hint: string): SchedulerError {
  return new SchedulerError("forbidden", detail, { hint });
}
