import { expect, test } from "vitest";
import { operations } from "@org/scheduler-contract";
import { createHandlers, exactly } from "./handlers.ts";

const handlers = createHandlers(undefined);

test("every operation has a handler, and every handler an operation", () => {
  expect(Object.keys(handlers).sort()).toEqual(Object.keys(operations).sort());
});

test("one that is missing, too much or of another operation does not compile", () => {
  const { get_slo, ...rest } = handlers;
  // @ts-expect-error -- nothing carries out get_slo
  exactly({ ...rest });
  // @ts-expect-error -- there is no operation of this name
  exactly({ ...handlers, get_nothing: get_slo });
  // @ts-expect-error -- get_slo answers otherwise than get_job
  exactly({ ...handlers, get_job: get_slo });
  expect(exactly({ ...rest, get_slo })).toEqual(handlers);
});
