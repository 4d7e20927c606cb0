import type { OperationName } from "@org/scheduler-contract";
import { accessOperations } from "../access/operations.ts";
import { deliveryOperations } from "../deliveries/operations.ts";
import type { Cipher } from "../encryption/cipher.ts";
import { deadLetterOperations } from "../executions/dead-letters.ts";
import { executionOperations } from "../executions/operations.ts";
import { jobOperations } from "../jobs/operations.ts";
import { queueOperations } from "../queues/operations.ts";
import { signingOperations } from "../signing/operations.ts";
import { sloOperations } from "../slo/operations.ts";
import type { Handlers } from "./context.ts";

export interface Keys {
  /** Signs JWTs. */
  jwtSecret: Uint8Array | undefined;
  /** Encrypts what has to be read again. */
  cipher: Cipher | undefined;
}

/** A handler for every operation. */
export function createHandlers({ jwtSecret, cipher }: Keys): Handlers<OperationName> {
  return exactly({
    ...accessOperations(jwtSecret),
    ...jobOperations,
    ...executionOperations,
    ...deadLetterOperations,
    ...queueOperations,
    ...deliveryOperations,
    ...signingOperations(cipher),
    ...sloOperations,
  });
}

/** Does not compile where a handler is missing, nor where one is of no operation: spreading alone lets that through. */
export function exactly<Given extends Handlers<OperationName>>(
  handlers: Given & Record<Exclude<keyof Given, OperationName>, never>,
): Handlers<OperationName> {
  return handlers;
}
