import { SchedulerError } from "@org/scheduler-contract";
import { beyond } from "../access/bounds.ts";
import { reachOf } from "../access/reach.sql.ts";
import { findDelivery } from "../deliveries/deliveries.sql.ts";
import { findExecution } from "../executions/executions.sql.ts";
import { fromPublicId } from "../ids.ts";
import type { WriteContext } from "../operations/context.ts";

/** Which execution made a job or a run, and how many made each other up to that. */
export interface Lineage {
  parent_execution_id: string | null;
  depth: number;
}

/**
 * Who made what is made now: the execution that the caller names, or else the delivery that made it ask. Throws
 * `not_found` where there is none, `bound_exceeded` where the key goes no deeper.
 */
export async function lineageOf(
  { tx, caller, parent }: WriteContext,
  named: string | undefined,
): Promise<Lineage> {
  const given = named ?? parent;
  if (given === undefined) return { parent_execution_id: null, depth: 0 };
  const reach = reachOf(caller, "executions");
  const delivery = fromPublicId("dlv", given);
  const told = delivery === undefined ? undefined : await findDelivery(tx, reach, delivery);
  const id = told?.execution_id ?? fromPublicId("exec", given);
  const execution = id === undefined ? undefined : await findExecution(tx, reach, id);
  if (!execution) throw noParent(given, named === undefined ? "Sched-Parent" : "parent_execution_id");
  const depth = (execution.depth ?? execution.job_depth ?? 0) + 1;
  const { bounds } = caller;
  if (bounds?.max_depth !== undefined && depth > bounds.max_depth) {
    throw beyond("max_depth", bounds, {
      detail: `What this execution makes would be ${depth} deep`,
      field: "parent_execution_id",
      wanted: "Let somebody else make it, from further up.",
    });
  }
  return { parent_execution_id: execution.id, depth };
}

function noParent(given: string, field: string): SchedulerError {
  return new SchedulerError("not_found", `There is no execution ${given.slice(0, 64)}.`, {
    field,
    hint: "Give the Sched-Delivery-Id that the target received, such as exec_01h455vb4pex5vsknk084sn02q, or leave it out.",
  });
}
