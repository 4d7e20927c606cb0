import type { Output } from "@org/scheduler-contract";
import { type Called, type Counter, decide, type Denial, failingCheck, type Open } from "./decide.ts";
import { itemsOf, namesOf, requiredByName } from "./names.ts";
import type { Policy, Window } from "./policy.ts";

type Decided = Output<"test_policy">["decisions"][number];

export interface TestCall {
  tool: string;
  args: Record<string, unknown>;
  times: number;
  expect?: Decided["decision"] | undefined;
}

/** What a policy does with calls that are made one after the other, all at one instant. */
export function tryCalls(policy: Policy, calls: TestCall[], now: Date): Decided[] {
  const counters = new Map<string, Counter>();
  return calls.map(({ tool, args, times, expect }) => {
    const names = callsOf(tool, args);
    let decided = tryCall(policy, names, { counters, now });
    for (let time = 1; time < times; time++) decided = tryCall(policy, names, { counters, now });
    const expected = expect ?? null;
    const passed = expected === null || expected === decided.decision;
    return { tool, ...decided, expected, passed };
  });
}

function callsOf(written: string, args: Record<string, unknown>): Called[][] {
  const [dialect, tool] = written.includes("/") ? (written.split("/", 2) as [string, string]) : [];
  const own: Called = { tool: tool ?? written, dialect, args, required: requiredByName(written) };
  const items = itemsOf(own);
  const isBatch = items.length > 0;
  return [namesOf(own).map((called) => ({ ...called, isBatch })), ...items.map((item) => [item])];
}

type Outcome = Omit<Decided, "tool" | "expected" | "passed">;

function tryCall(
  policy: Policy,
  calls: Called[][],
  { counters, now }: { counters: Map<string, Counter>; now: Date },
): Outcome {
  const verdict = decide(policy, calls);
  if ("denial" in verdict) return toOutcome("deny", verdict.denial);
  const { open } = verdict;
  const [asking] = open.approvals;
  if (asking)
    return toOutcome("require_approval", { rule: asking, message: asking.reason ?? "needs approval" });
  const raised = raise(open, counters, now);
  const denial = failingCheck(open.checks, raised, now);
  if (denial) return toOutcome("deny", denial);
  for (const [key, counter] of raised) counters.set(key, counter);
  return { decision: "allow", rule: null, line: null, reason: null, retry_after_seconds: null };
}

function raise({ raises }: Open, counters: Map<string, Counter>, now: Date): Map<string, Counter> {
  const raised = new Map(counters);
  for (const [key, { window, by }] of raises) {
    const before = counters.get(key);
    raised.set(key, {
      value: (before?.value ?? 0) + by,
      expiresAt: before?.expiresAt ?? endOf(window, now),
    });
  }
  return raised;
}

const lengths = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

function endOf(window: Window, now: Date): Date {
  const at = now.getTime();
  if (typeof window !== "string") return new Date(at + window.seconds * 1000);
  return new Date(at - (at % lengths[window]) + lengths[window]);
}

function toOutcome(decision: Decided["decision"], { rule, message, retryAfterSeconds }: Denial): Outcome {
  return {
    decision,
    rule: rule?.name ?? null,
    line: rule?.line ?? null,
    reason: message,
    retry_after_seconds: retryAfterSeconds ?? null,
  };
}
