import type { StartedExecution } from "../executions/life.sql.ts";
import type { Circuits } from "../sending/circuits.ts";
import { send, type Sent } from "../sending/send.ts";
import { heldBack, unsent } from "../sending/unsent.ts";
import type { Engine } from "./engine.ts";
import { toMessage } from "./request.ts";
import { spanOfAttempt } from "./span.ts";

/**
 * Begins the attempt that was claimed, at the very instant it is for where that is a moment ahead. Without `circuits`,
 * nothing is held back; without `isSure`, it is taken for granted that nobody else sends it.
 */
export function begin(
  engine: Engine,
  execution: StartedExecution,
  { circuits, isSure }: { circuits?: Circuits | undefined; isSure?: () => boolean } = {},
): Sent {
  const { scope_id, signing_version, secrets_version, needs_secrets, id, expires_at } = execution;
  const nowMs = (): number =>
    engine.clock.now()?.getTime() ?? execution.clock + performance.now() - execution.toldAt;
  const sent = send(engine, {
    id,
    scope_id,
    signing: signing_version,
    secrets_version: needs_secrets ? secrets_version : undefined,
    nowMs,
    leavesAtMs: Math.max(execution.scheduled_for.getTime(), execution.due_at?.getTime() ?? 0),
    keepsBack(now) {
      if (isSure?.() === false) return unsent("unsure");
      if (expires_at !== null && now >= expires_at) return unsent("expired");
      const leave = circuits?.ask(execution, now.getTime()) ?? "leaves";
      return leave === "leaves" ? undefined : heldBack(execution.host, leave, { now });
    },
    message: (vault) => toMessage(execution, { vault, cipher: engine.cipher }),
  });
  const endSpan = spanOfAttempt(execution);
  return {
    ...sent,
    answer: sent.answer.then((answer) => {
      // Neither what a host's silence is taken for nor what a tracer makes of an answer may cost the answer.
      try {
        circuits?.notice(execution, answer, nowMs());
        endSpan(answer);
      } catch (error) {
        engine.log.error({ execution: id, err: error }, "an answer could not be noticed");
      }
      return answer;
    }),
  };
}
