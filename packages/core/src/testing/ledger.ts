import type { Execution } from "@org/scheduler-contract";

/** What became of each slot, oldest first: "12:01 succeeded", "12:02 skipped overlap". */
export function toLedger(executions: Execution[]): string[] {
  const bySlot = (one: Execution, other: Execution): number =>
    one.scheduled_for.localeCompare(other.scheduled_for);
  return executions
    .toSorted(bySlot)
    .map(({ scheduled_for, status, reason }) =>
      `${scheduled_for.slice(11, 16)} ${status} ${reason ?? ""}`.trim(),
    );
}
