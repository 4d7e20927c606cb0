import type { Operation } from "@org/scheduler-contract";
import { SchedulerError } from "@org/scheduler-contract";
import type { Request } from "express";

/** The input field that HTTP carries as the header `Idempotency-Key`. */
export const keyField = "idempotency_key";

/** Whether an operation may be told that a request is one that was sent before. */
export function takesKey({ input }: Operation): boolean {
  return Object.hasOwn(input.shape, keyField);
}

/** The key of a request, as an input field. What is idempotent by itself needs none, and may be sent with one. */
export function readIdempotencyKey(
  operation: Operation,
  request: Request,
  fields: Record<string, unknown>,
): { [keyField]?: string } {
  if (takesKey(operation) && Object.hasOwn(fields, keyField)) throw inBody();
  const [key, another] = request.headersDistinct["idempotency-key"] ?? [];
  if (key === undefined || (operation.idempotent && !takesKey(operation))) return {};
  if (!takesKey(operation)) throw notTaken(operation);
  if (another !== undefined) throw givenTwice();
  return { [keyField]: key };
}

function inBody(): SchedulerError {
  return new SchedulerError(
    "invalid_input",
    `"${keyField}" is in the body, where HTTP has a header for it.`,
    {
      field: keyField,
      hint: "Send it as a header, such as Idempotency-Key: order-1234-reminder.",
    },
  );
}

/** Whoever sends a key relies on it: that nothing would heed it must not stay unsaid. */
function notTaken({ http }: Operation): SchedulerError {
  return new SchedulerError("invalid_input", `${http.method} ${http.path} takes no Idempotency-Key.`, {
    field: keyField,
    hint: "Send it without this header; before you send it again, look whether it went through the first time.",
  });
}

function givenTwice(): SchedulerError {
  return new SchedulerError("invalid_input", "The header Idempotency-Key is given more than once.", {
    field: keyField,
    hint: "Send one Idempotency-Key with each request.",
  });
}
