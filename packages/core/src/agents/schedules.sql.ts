import { sql } from "kysely";
import type { Reach } from "../access/reach.sql.ts";

/** The schedules of an agent, deleted ones too: their history is still there. */
export function schedulesOf(scopeId: number, agent: string): Reach {
  return {
    scopeId,
    isNarrow: true,
    jobs: (alias) =>
      sql`(${sql.ref(`${alias}.agent`)} = ${agent} and ${sql.ref(`${alias}.message`)} is not null)`,
  };
}
