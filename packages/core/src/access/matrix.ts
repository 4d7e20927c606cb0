import type { Caller } from "./caller.ts";

/** What can be done with the schedules of an agent. */
export type Action = "list" | "get" | "executions" | "toggle" | "trigger" | "create" | "update" | "delete";

/** What an agent is to a user: the user's own, or shared with the user. */
type OfUser = "own" | "shared";
/** What an agent is to another one's key: that key's own, or one that it is permitted to look after. */
type OfAgent = "self" | "permitted";

interface Row {
  user: readonly OfUser[];
  agent: readonly OfAgent[];
}

const looksAfter: Row = { user: ["own", "shared"], agent: ["self", "permitted"] };
const owns: Row = { user: ["own"], agent: ["self"] };

/**
 * Who may do what with the schedules of an agent: Trinity's access matrix. The system may do all, and so may the keys of
 * the workspace itself. Whom a row leaves out is told the same as if there were nothing.
 */
const matrix: Readonly<Record<Action, Row>> = {
  list: looksAfter,
  get: looksAfter,
  executions: looksAfter,
  toggle: looksAfter,
  trigger: looksAfter,
  create: owns,
  update: owns,
  delete: owns,
};

/** What has to be true of an agent so that a caller may do something with its schedules; `all` where nothing has to. */
export type Relations =
  "all" | { userId: string | null; among: readonly OfUser[] } | { agent: string; among: readonly OfAgent[] };

export function relationsFor(
  { kind, userId, agent }: Pick<Caller, "kind" | "userId" | "agent">,
  action: Action,
): Relations {
  switch (kind) {
    case "system":
    case "service":
      return "all";
    case "user":
      return { userId, among: matrix[action].user };
    case "agent":
      return { agent: agent!, among: matrix[action].agent };
  }
}
