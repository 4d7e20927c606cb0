import { SchedulerError } from "@org/scheduler-contract";
import { noSuchAgent } from "../agents/agent.ts";
import { shareAgents } from "../agents/agents.sql.ts";
import type { WriteContext } from "../operations/context.ts";
import { inBatch } from "./in-batch.ts";
import type { Declaration } from "./wanted.ts";

/** A declaration of which is known where its requests go, and whose the job is. */
export type Addressed = Omit<Declaration, "url" | "agent" | "message"> & {
  url: string;
  agent: string | null;
  message: string | null;
};

/** What makes a request of its own, which a message to an agent is not. */
const ofRequests = ["url", "method", "headers", "body"] as const;

/**
 * Finds out where jobs go: to their own URLs, or to agents whose schedules the caller may make. What an agent's key makes
 * is that agent's. Throws `not_found`, `invalid_input`.
 */
export async function addressed({ tx, caller }: WriteContext, inputs: Declaration[]): Promise<Addressed[]> {
  const named = inputs.map((input) => addresseeOf(input, caller.agent));
  const names = [...new Set(named.filter((name) => name !== undefined))];
  const agents = await shareAgents(tx, caller, { names, action: "create" });
  return inputs.map((input, index) =>
    inBatch({ index, alone: inputs.length === 1 }, () => {
      const name = named[index];
      if (input.message === undefined) {
        if (input.agent !== undefined) throw needs("message", "the agent is told");
        return { ...input, url: input.url!, agent: caller.agent, message: null };
      }
      if (name === undefined) throw needs("agent", "it is for");
      assertNoRequest(input);
      const agent = agents.get(name);
      if (!agent) throw noSuchAgent(name);
      return { ...input, url: agent.url, agent: name, message: input.message };
    }),
  );
}

/** Whom a declaration is for; an agent's key need not name its own. */
function addresseeOf({ agent, message }: Declaration, own: string | null): string | undefined {
  return agent ?? (message === undefined ? undefined : (own ?? undefined));
}

/** Throws `invalid_input` where a message to an agent is given parts of another request. */
export function assertNoRequest(input: { [Field in (typeof ofRequests)[number]]?: unknown }): void {
  const field = ofRequests.find((name) => input[name] !== undefined);
  if (field === undefined) return;
  throw new SchedulerError("invalid_input", `"${field}" has no meaning where an agent is sent a message.`, {
    field,
    hint: `Leave it out: the message goes to the url of the agent, as JSON. Or leave out agent and message.`,
  });
}

function needs(field: string, what: string): SchedulerError {
  return new SchedulerError("invalid_input", `"${field}" is missing: what ${what}.`, {
    field,
    hint: 'Give both, such as {"agent": "researcher", "message": "Summarize the news"}, or a url instead.',
  });
}
