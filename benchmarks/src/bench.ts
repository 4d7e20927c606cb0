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

type Unit = "/s" | "ms" | "s" | "MB" | "";

export interface Row {
  /** What was measured. */
  what: string;
  /** Whose number, or at which size. */
  side: string;
  value: number;
  unit: Unit;
  /** The value as a multiple of another side's. */
  ratio?: number;
  ratioTo?: string;
}

/** A row for each side; all are compared with the first. */
export function rowsOf(what: string, unit: Unit, sides: [side: string, value: number][]): Row[] {
  const [first, ...others] = sides.map(([side, value]) => ({ what, side, value, unit }));
  const { side: ratioTo, value: base } = first!;
  return [first!, ...others.map((row) => ({ ...row, ratio: row.value / base, ratioTo }))];
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

export function atLeast(goal: Verdict["goal"], limit: number, what: string, value: number): Verdict {
  return { goal, what, value, bound: "at least", limit, met: value >= limit };
}

export function atMost(goal: Verdict["goal"], limit: number, what: string, value: number): Verdict {
  return { goal, what, value, bound: "at most", limit, met: value <= limit };
}
