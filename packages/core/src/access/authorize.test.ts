import { expect, test } from "vitest";
import { type Operation, type OperationName, operations, type TokenKind } from "@org/scheduler-contract";
import { authorize } from "./authorize.ts";
import type { Caller } from "./caller.ts";

const kinds: TokenKind[] = ["user", "agent", "system", "service"];

/** Written out once more, so that a slip in a definition opens nothing unnoticed. */
const closedTo: Partial<Record<OperationName, TokenKind[]>> = {
  list_tokens: ["agent", "service"],
  create_token: ["agent", "service"],
  rotate_token: ["agent", "service"],
  delete_token: ["agent", "service"],
  create_workspace: ["agent", "service"],
  list_users: ["agent", "service"],
  create_user: ["agent", "service"],
  update_user: ["agent", "service"],
  delete_user: ["agent", "service"],
  list_audit: ["agent", "service"],
  get_policy: ["agent", "service"],
  put_policy: ["agent", "service"],
  test_policy: ["agent", "service"],
  approve_call: ["agent", "service", "system"],
  reject_call: ["agent", "service", "system"],
  register_agent: ["agent"],
  update_agent: ["agent"],
  delete_agent: ["agent"],
  permit_agent: ["agent"],
  forbid_agent: ["agent"],
  update_queue: ["agent"],
  pause_queue: ["agent"],
  resume_queue: ["agent"],
  list_signing_secrets: ["agent"],
  create_signing_secret: ["agent"],
  delete_signing_secret: ["agent"],
};

function callerOf(kind: TokenKind, readOnly: boolean): Caller {
  return {
    kind,
    name: "a caller",
    scopeId: 1,
    workspaceId: "w",
    mode: "live",
    readOnly,
    tokenId: "t",
    userId: null,
    agent: null,
    role: kind === "user" ? "owner" : null,
    scopes: null,
    bounds: null,
    expiresAt: null,
    policyVersion: 0,
  };
}

const table = Object.values<Operation>(operations).flatMap((operation) =>
  kinds.flatMap((kind) =>
    [false, true].map((readOnly) => {
      const closed = closedTo[operation.name as OperationName]?.includes(kind) ?? false;
      const may = !closed && (!readOnly || operation.risk === "read");
      return { name: operation.name, kind, readOnly, may, operation };
    }),
  ),
);

test.each(table)("$name, kind $kind, read-only $readOnly: $may", ({ operation, kind, readOnly, may }) => {
  const ask = (): void => authorize(callerOf(kind, readOnly), operation);
  if (may) expect(ask).not.toThrow();
  else {
    expect(ask).toThrow(
      expect.objectContaining({ code: "forbidden", hint: expect.stringMatching(/\w/) as string }),
    );
  }
});

test("only logging in needs no token", () => {
  const open = Object.values<Operation>(operations).filter(({ access }) => access === "public");
  expect(open.map(({ name }) => name)).toEqual(["login"]);
});
