import type { Stage } from "./harness/stage.ts";

/** One benchmark: its method stands at the top of its file. */
export interface Bench {
  name: string;
  /** What is done, for the head of its table. */
  title: string;
  run(stage: Stage): Promise<Outcome>;
}

export interface Outcome {
  rows: Row[];
  verdicts: Verdict[];
  /** What a reader of the table should know. */
  notes?: string[];
}

export interface Row {
  /** What was measured. */
  what: string;
  /** Whose number, or at which size. */
  side: string;
  value: number;
  unit: "/s" | "ms" | "s" | "MB" | "";
  /** Compared with what `ratioTo` names. */
  ratio?: number;
  ratioTo?: string;
}

/** A number that the specification asks for. */
export interface Verdict {
  goal: "must" | "aim";
  what: string;
  value: number;
  bound: "at least" | "at most";
  limit: number;
  met: boolean;
}

export function atLeast(goal: Verdict["goal"], what: string, value: number, limit: number): Verdict {
  return { goal, what, value, bound: "at least", limit, met: value >= limit };
}

export function atMost(goal: Verdict["goal"], what: string, value: number, limit: number): Verdict {
  return { goal, what, value, bound: "at most", limit, met: value <= limit };
}
