import {
  type Output,
  type ParsedInput,
  parseInput,
  operations,
  SchedulerError,
} from "@org/scheduler-contract";
import type { FollowUp, Handlers } from "../../operations/context.ts";
import { describeCaller } from "../caller.ts";
import { readDocument } from "./document.ts";
import { isKnownTool } from "./names.ts";
import { findPolicy, type PolicyRow, storePolicy } from "./policy.sql.ts";
import { readPolicy } from "./read.ts";
import { type TestCall, tryCalls } from "./try.ts";

type Names = "get_policy" | "put_policy" | "test_policy";

export const policyOperations: Handlers<Names> = {
  async get_policy({ db, caller, gate }) {
    const row = await findPolicy(db, caller.workspaceId);
    const warnings = row ? warningsOf(row.text) : [];
    return { ...toStored(row, gate.file !== undefined), warnings };
  },

  async put_policy({ tx, caller, now, gate }, input) {
    const text = textOf(input.policy);
    const { warnings } = readPolicy(text, isKnownTool);
    const row = { text, updated_by: describeCaller(caller), updated_at: now };
    const version = await storePolicy(tx, caller.workspaceId, row);
    return { ...toStored({ ...row, version }, gate.file !== undefined), warnings };
  },

  async test_policy({ db, caller }, input) {
    const text =
      input.policy === undefined
        ? ((await findPolicy(db, caller.workspaceId))?.text ?? "")
        : textOf(input.policy);
    const { policy, warnings } = readPolicy(text, isKnownTool);
    const decisions = tryCalls(policy, callsIn(input), new Date());
    return { passed: decisions.every(({ passed }) => passed), decisions, warnings };
  },
};

/** Whoever was resolved before the change goes by the new policy, too. */
export const afterPut: FollowUp<"put_policy"> = async ({ caller, gate }, output) => {
  gate.changed(caller, output.version);
  return output;
};

function textOf(policy: ParsedInput<"put_policy">["policy"]): string {
  return typeof policy === "string" ? policy : JSON.stringify(policy, null, 2);
}

function toStored(row: PolicyRow | undefined, has_file: boolean): Omit<Output<"get_policy">, "warnings"> {
  return {
    policy: row?.text ?? null,
    version: row?.version ?? 0,
    updated_by: row?.updated_by ?? null,
    updated_at: row?.updated_at.toISOString() ?? null,
    has_file,
  };
}

function warningsOf(text: string): Output<"get_policy">["warnings"] {
  try {
    return readPolicy(text, isKnownTool).warnings;
  } catch {
    return [];
  }
}

type TestInput = ParsedInput<"test_policy">;

/** The calls that a test is about: one, a list of them, or the text of such a list. */
function callsIn({ calls, tool, args = {}, times = 1, expect }: TestInput): TestCall[] {
  if ((calls === undefined) === (tool === undefined)) {
    throw new SchedulerError("invalid_input", "It is not clear which calls are meant.", {
      field: "tool",
      hint: 'Give {"tool": "create_job", "args": {…}}, or calls: a list of such, each with an expect.',
    });
  }
  if (tool !== undefined) return [{ tool, args, times, expect }];
  if (typeof calls !== "string") return calls!;
  const read = readDocument(calls);
  const list = read.value(read.root);
  const [flaw = { line: 1, column: 1, message: "expected a list" }] = read.flaws;
  if (read.flaws.length > 0 || !Array.isArray(list)) {
    throw new SchedulerError("invalid_input", `Line ${flaw.line}, column ${flaw.column}: ${flaw.message}.`, {
      field: "calls",
      hint: "Send a list, such as: [{tool: create_job, args: {}, expect: deny}].",
    });
  }
  const parsed = parseInput(operations.test_policy, { calls: list });
  return parsed.calls as TestCall[];
}
