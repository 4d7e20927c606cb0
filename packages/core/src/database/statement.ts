import { CompiledQuery } from "kysely";
import type { Db, Tx } from "./tables.ts";

/** Where statements run, and what time it is there: null for what the database's own clock says. */
export interface Session {
  db: Db | Tx;
  now: Date | null;
}

/** What `:now` stands for. Bound by `Session.now`, as a parameter that every statement may have. */
const instant = "at";
const macros: Record<string, string> = {
  now: `coalesce(:${instant}::timestamptz, now())`,
  // The database's clock goes on while a transaction lasts; `now()` stands still.
  clock: `coalesce(:${instant}::timestamptz, clock_timestamp())`,
};

/** `::` is a cast, and no parameter. */
const parameter = /(?<!:):([a-z_]+)/g;

/** Every statement by its name: two of one name would be prepared as one. */
export const statements = new Map<string, string>();

/**
 * A statement of the road of a fire. Its values are named: `:room` is the `room` of the object that a call is given, and
 * `:now` the instant of the session. It is compiled never and, by its name, prepared once on each connection: planning it
 * anew takes PostgreSQL as long as running it for a few rows.
 */
export function statement<Values extends object, Row>(
  name: string,
  text: string,
): (session: Session, values: Values) => Promise<Row[]> {
  const names: string[] = [];
  const place = (_: string, of: string): string => {
    if (!names.includes(of)) names.push(of);
    return `$${names.indexOf(of) + 1}`;
  };
  const expanded = text.replace(parameter, (found, of: string) => macros[of] ?? found);
  const sql = `/* ${name} */ ${expanded.replace(parameter, place)}`;
  if (statements.has(name)) throw new Error(`Two statements are named ${name}.`);
  statements.set(name, sql);
  return async ({ db, now }, values) => {
    const given = { [instant]: now, ...values } as Record<string, unknown>;
    const bound = names.map((of) => {
      if (given[of] === undefined) throw new Error(`The statement ${name} has no value for :${of}.`);
      return given[of];
    });
    return (await db.executeQuery<Row>(CompiledQuery.raw(sql, bound))).rows;
  };
}

/** The name that a statement is prepared by; none for all others. */
export function preparedName(sql: string): string | undefined {
  return /^\/\* (\w+) \*\//.exec(sql)?.[1];
}
