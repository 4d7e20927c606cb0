import pg from "pg";

export interface Statement {
  text: string;
  values: unknown[];
  /** From handing it to the connection until its answer. */
  ms: number;
}

export interface StatementTimes {
  text: string;
  calls: number;
  totalMs: number;
  maxMs: number;
}

type Query = (this: pg.Client, ...input: unknown[]) => unknown;

/** Tells of every statement that this process sends through `pg` from now on. */
export function watchStatements(onStatement: (statement: Statement) => void): void {
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const query = prototype.query;
  prototype.query = function (...input) {
    const begun = performance.now();
    const result = query.apply(this, input);
    const [first, second] = input;
    const config = (
      typeof first === "string" ? { text: first, values: second } : first
    ) as Partial<Statement>;
    const done = (): void => {
      onStatement({
        text: config.text ?? "",
        values: Array.isArray(config.values) ? config.values : [],
        ms: performance.now() - begun,
      });
    };
    if (result instanceof Promise) void result.then(done, done);
    return result;
  };
}

/** Adds up the times of statements by their text. */
export function sumStatements(): { add(statement: Statement): void; take(): StatementTimes[] } {
  let times = new Map<string, StatementTimes>();
  return {
    add({ text, ms }) {
      const known = times.get(text) ?? { text, calls: 0, totalMs: 0, maxMs: 0 };
      times.set(text, {
        text,
        calls: known.calls + 1,
        totalMs: known.totalMs + ms,
        maxMs: Math.max(known.maxMs, ms),
      });
    },
    /** Slowest in sum first; starts over. */
    take() {
      const taken = [...times.values()].sort((one, other) => other.totalMs - one.totalMs);
      times = new Map();
      return taken;
    },
  };
}
