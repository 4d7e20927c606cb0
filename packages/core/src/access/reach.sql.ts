import { type RawBuilder, sql, type SqlBool } from "kysely";
import type { Caller } from "./caller.ts";
import { type Action, relationsFor } from "./matrix.ts";

/** Whose rows a query is for: those of a scope, and of its jobs those that somebody may do something with. */
export interface Reach {
  scopeId: number;
  /** Whether a job is one of them, by the name that its table has in the query; undefined where all are. */
  jobs?: (alias: string) => RawBuilder<SqlBool>;
  /** Only an agent's own and permitted jobs are: few among many. */
  isNarrow?: boolean;
}

/**
 * The jobs that a caller may do something with. Schedules of agents go by the matrix. All other jobs are everybody's in
 * the workspace, but an agent's key has only those that it made.
 */
export function reachOf(caller: Caller, action: Action): Reach {
  const { scopeId } = caller;
  const relations = relationsFor(caller, action);
  if (relations === "all") return { scopeId };
  return {
    scopeId,
    isNarrow: "agent" in relations,
    jobs: (alias) => {
      const column = (name: string) => sql.ref(`${alias}.${name}`);
      const isMessage = sql<SqlBool>`${column("message")} is not null`;
      const isRelated = isRelatedTo(caller, action, column("agent"));
      return "agent" in relations
        ? sql<SqlBool>`(${column("agent")} = ${relations.agent} or (${isMessage} and ${isRelated}))`
        : sql<SqlBool>`(not ${isMessage} or ${isRelated})`;
    },
  };
}

/** Whether an agent, by its name, is one whose schedules a caller may do something with. */
export function isRelatedTo(caller: Caller, action: Action, name: RawBuilder<unknown>): RawBuilder<SqlBool> {
  const relations = relationsFor(caller, action);
  if (relations === "all") return sql`true`;
  const { scopeId } = caller;
  if ("agent" in relations) {
    const isSelf = sql<SqlBool>`${name} = ${relations.agent}`;
    if (!relations.among.includes("permitted")) return isSelf;
    return sql`(${isSelf} or exists (select from agent_permissions p
      where p.scope_id = ${scopeId} and p.agent = ${relations.agent} and p.other = ${name}))`;
  }
  const { userId, among } = relations;
  const isShared = among.includes("shared") ? sql`or ${userId}::uuid = any(a.shared_with)` : sql``;
  return sql`exists (select from agents a where a.scope_id = ${scopeId} and a.name = ${name}
    and (a.owner_id = ${userId}::uuid ${isShared}))`;
}

/** Whether what belongs to a job is within reach. What is left of a job that is gone is everybody's but an agent's. */
export function ofJobs(reach: Reach, jobId: RawBuilder<unknown>): RawBuilder<SqlBool> | undefined {
  if (!reach.jobs) return undefined;
  const job = sql`(select ${reach.jobs("owner")} from jobs owner where owner.id = ${jobId})`;
  return reach.isNarrow ? sql`coalesce(${job}, false)` : sql`coalesce(${job}, true)`;
}
