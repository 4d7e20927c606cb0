import type { StartedExecution } from "../executions/life.sql.ts";
import type { Admission } from "./slots.ts";

/** Where executions come from, as the loop that fills the slots sees it: the planner, or the lines of queues. */
export interface Source {
  /** Whether a look at once may find an execution that can start. */
  mayHaveMore(): boolean;
  /** When to look without having been told of anything, by `performance.now()`. */
  lookAgainAt(): number;
  /** Shares of which no more was given in the last look, so that others are looked for behind them. */
  heldBack(): string[];
  /** Starts the executions that there is room for. */
  take(admission: Admission): Promise<void>;
  /** Hears that a request of this share was answered. Answers whether an execution of that share was held back for want of room. */
  noticeAnswer(share: string): boolean;
}

/** What every source is given. */
export interface Taking {
  workerId: string;
  /** Holds what was started; with `first`, before what else waits for a slot. */
  hold(execution: StartedExecution, order?: { first: boolean }): void;
}

/** How late a nearer due instant is noticed that nobody told about. */
export const pollMs = 1000;
