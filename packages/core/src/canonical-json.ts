import { decimalOf, isExactNumber } from "@org/scheduler-contract";

/** The same text for the same value, in whatever order its fields were written. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    // Storage writes a number in another way than its caller.
    if (isExactNumber(part)) return { number: decimalOf(part) };
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
