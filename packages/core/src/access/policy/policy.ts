/** How a value is compared with the one that a condition has. */
export const comparisons = [
  "eq",
  "neq",
  "in",
  "not_in",
  "lt",
  "lte",
  "gt",
  "gte",
  "regex",
  "contains",
  "exists",
] as const;
export type Comparison = (typeof comparisons)[number];

export const units = ["minute", "hour", "day"] as const;
/** A minute, hour or day of the calendar in UTC, or so many seconds from the first call that counts on. */
export type Window = (typeof units)[number] | { seconds: number };

/** Where a value stands: in the arguments of a call, or in a counter of a tool (`_global` for those of all tools). */
export type Path = { in: "args"; names: string[] } | { in: "state"; tool: string; counter: string };

export interface Condition {
  path: Path;
  op: Comparison;
  value: unknown;
  /** Compares; a value that is not there is undefined. */
  holds(given: unknown): boolean;
  line: number;
}

/** A counter that a call raises where it goes through. */
export interface Counting {
  counter: string;
  window: Window;
  increment: number;
  /** The argument that says by how much, instead. */
  from?: string[];
}

/**
 * - `evaluate` lets a call through where all that it says holds; `allow` is the same with nothing to say.
 * - `deny` lets none through.
 * - `require_approval` asks somebody about the calls for which its conditions hold.
 */
export type Action = "evaluate" | "allow" | "deny" | "require_approval";

export interface Rule {
  name: string;
  /** The tool that it stands under; `*` for all. */
  tool: string;
  line: number;
  action: Action;
  conditions: Condition[];
  counting?: Counting;
  /** The arguments that have to be there; `all` for those that the tool itself requires. */
  requires?: "all" | string[];
  /** What a caller is told who is denied. */
  reason?: string;
  /** How many calls in which time, where that is all that it says. */
  limit?: string;
  approvalMs: number;
}

export interface Policy {
  /** Whether calls of tools that it does not list go through. */
  default: "allow" | "deny";
  /** Tools that are not shown, nor carried out; `*` for all. */
  hide: { tool: string; line: number }[];
  /** The rules of each tool that it lists. */
  tools: Map<string, Rule[]>;
}

/** What is wrong with a policy, or strange in it, and where. */
export interface Flaw {
  line: number;
  column: number;
  /** Such as `tools.create_job.rules[0].action`. */
  path: string;
  message: string;
}
