import { RE2JS } from "re2js";
import type { Comparison } from "./policy.ts";

/** A pattern is tried against no more of a text than this. */
const longestText = 100_000;

/**
 * Compares what a call gives with the value of a condition, as Intercept does: a value that is missing, or of another type,
 * makes it false. Throws where the value of the condition itself makes no sense; `valueFlaw` says that beforehand.
 */
export function comparing(op: Comparison, value: unknown): (given: unknown) => boolean {
  if (op === "exists") return (given) => (given !== undefined && given !== null) === value;
  const holds = comparingValues(op, value);
  return (given) => given !== undefined && given !== null && holds(given);
}

function comparingValues(op: Exclude<Comparison, "exists">, value: unknown): (given: unknown) => boolean {
  switch (op) {
    case "eq":
      return (given) => isSame(given, value);
    case "neq":
      return (given) => !isSame(given, value);
    case "in":
      return (given) => (value as unknown[]).some((one) => isSame(given, one));
    case "not_in":
      return (given) => !(value as unknown[]).some((one) => isSame(given, one));
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return (given) => {
        const number = numberIn(given);
        return number !== undefined && orders[op](number, numberIn(value)!);
      };
    case "contains":
      return (given) => {
        if (typeof given === "string") return typeof value === "string" && given.includes(value);
        return Array.isArray(given) && given.some((one) => isSame(one, value));
      };
    case "regex": {
      // Never by backtracking: a pattern and a text could be made for each other that take for ever.
      const pattern = RE2JS.compile(value as string);
      return (given) => typeof given === "string" && given.length <= longestText && pattern.test(given);
    }
  }
}

const orders = {
  lt: (one: number, other: number) => one < other,
  lte: (one: number, other: number) => one <= other,
  gt: (one: number, other: number) => one > other,
  gte: (one: number, other: number) => one >= other,
};

/** As numbers where both are some, as texts otherwise. */
function isSame(one: unknown, other: unknown): boolean {
  const [a, b] = [numberIn(one), numberIn(other)];
  if (a !== undefined && b !== undefined) return a === b;
  return textOf(one) === textOf(other);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function numberIn(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

const longestPattern = 1000;
const mostValues = 1000;

/** Why a condition cannot have this value; undefined where it can. */
export function valueFlaw(op: Comparison, value: unknown): string | undefined {
  const parts: unknown[] = Array.isArray(value) ? value : [value];
  if (parts.length > mostValues) return `a list has at most ${mostValues} values`;
  if (parts.some((part) => typeof part === "object" && part !== null))
    return "a value is a text, a number, true or false, or a list of those";
  switch (op) {
    case "in":
    case "not_in":
      return Array.isArray(value) && value.length > 0 ? undefined : `${op} needs a list, such as [GET, HEAD]`;
    case "lt":
    case "lte":
    case "gt":
    case "gte":
      return numberIn(value) === undefined ? `${op} needs a number` : undefined;
    case "exists":
      return typeof value === "boolean" ? undefined : "exists needs true or false";
    case "contains":
      return value === undefined || value === null ? "contains needs a value" : undefined;
    case "eq":
    case "neq":
      return value === undefined ? `${op} needs a value` : undefined;
    case "regex":
      return patternFlaw(value);
  }
}

function patternFlaw(value: unknown): string | undefined {
  if (typeof value !== "string") return "regex needs a text";
  if (value.length > longestPattern) return `a regex has at most ${longestPattern} characters`;
  try {
    RE2JS.compile(value);
    return undefined;
  } catch (error) {
    return `no regex that RE2 reads (it knows no lookaround and no backreferences): ${(error as Error).message}`;
  }
}
