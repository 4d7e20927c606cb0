import type { OperationName } from "@org/scheduler-contract";
import { accessOperations } from "../access/operations.ts";
import { afterPut, policyOperations } from "../access/policy/operations.ts";
import { agentOperations } from "../agents/operations.ts";
import { scheduleOperations } from "../agents/schedules.ts";
import { approvalOperations } from "../approvals/operations.ts";
import { auditOperations } from "../audit/operations.ts";
import { afterTest, channelOperations } from "../channels/operations.ts";
import { deliveryOperations } from "../deliveries/operations.ts";
import { deadLetterOperations } from "../executions/dead-letters.ts";
import { executionOperations } from "../executions/operations.ts";
import { jobOperations } from "../jobs/operations.ts";
import { queueOperations } from "../queues/operations.ts";
import { ruleOperations } from "../rules/operations.ts";
import { secretOperations } from "../secrets/operations.ts";
import { signingOperations } from "../signing/operations.ts";
import { sloOperations } from "../slo/operations.ts";
import { tokenOperations } from "../tokens/operations.ts";
import { workspaceOperations } from "../workspaces/operations.ts";
import type { FollowUp, Handlers } from "./context.ts";

/** A handler for every operation. `jwtSecret` signs JWTs. */
export function createHandlers(jwtSecret: Uint8Array | undefined): Handlers<OperationName> {
  return exactly({
    ...accessOperations(jwtSecret),
    ...tokenOperations,
    ...workspaceOperations,
    ...policyOperations,
    ...approvalOperations,
    ...auditOperations,
    ...agentOperations,
    ...scheduleOperations,
    ...jobOperations,
    ...executionOperations,
    ...deadLetterOperations,
    ...queueOperations,
    ...channelOperations,
    ...ruleOperations,
    ...deliveryOperations,
    ...secretOperations,
    ...signingOperations,
    ...sloOperations,
  });
}

/** Does not compile where a handler is missing, nor where one is of no operation: spreading alone lets that through. */
export function exactly<Given extends Handlers<OperationName>>(
  handlers: Given & Record<Exclude<keyof Given, OperationName>, never>,
): Handlers<OperationName> {
  return handlers;
}

export const followUps: { [Name in OperationName]?: FollowUp<Name> } = {
  test_channel: afterTest,
  put_policy: afterPut,
};
