import type { Output, ParsedInput } from "@org/scheduler-contract";
import { describeCaller } from "../access/caller.ts";
import { reachOf } from "../access/reach.sql.ts";
import { endWaitingOf } from "../executions/endings.sql.ts";
import { fromPublicId, toPublicId } from "../ids.ts";
import { sessionIn, type WriteContext } from "../operations/context.ts";
import { deleteRulesOf } from "../rules/rules.sql.ts";
import { findDeleted, lockJob, updateJob } from "./jobs.sql.ts";
import { noSuchJob } from "./require.ts";
import { leaveTombstone } from "./tombstone.ts";

/** Deletes a job, or says that it was deleted before. What is under way is still recorded. */
export async function deleteJob(
  context: WriteContext,
  { job_id: id, purge }: ParsedInput<"delete_job">,
): Promise<Output<"delete_job">> {
  const { tx, caller, now } = context;
  const uuid = fromPublicId("job", id);
  if (uuid === undefined) throw noSuchJob(id);
  const reach = reachOf(caller, "delete");
  const job = await lockJob(tx, reach, uuid);
  if (job) {
    await endWaitingOf(sessionIn(context), {
      scope_id: job.scope_id,
      kind: "job",
      id: uuid,
      reason: "job_deleted",
    });
    await leaveTombstone(context, job);
    await deleteRulesOf(tx, uuid);
    const deletion = { deleted_at: now, deleted_by: describeCaller(caller), next_run_at: null };
    await updateJob(tx, caller.scopeId, uuid, { ...deletion, is_purged: purge });
  }
  const deleted = await findDeleted(tx, reach, uuid);
  if (!deleted) throw noSuchJob(id);
  if (purge && !deleted.is_purged) await updateJob(tx, caller.scopeId, uuid, { is_purged: true });
  const { name, key } = deleted;
  const purged = purge || deleted.is_purged;
  return {
    deleted: true,
    id: toPublicId("job", uuid),
    name,
    key,
    deleted_at: deleted.deleted_at!.toISOString(),
    deleted_by: deleted.deleted_by,
    purged,
    advice: adviceOf({ id, key, purged }),
  };
}

/** How there can be such a job again, and what is left of this one. */
function adviceOf({ id, key, purged }: { id: string; key: string | null; purged: boolean }): string {
  const again =
    key === null
      ? "create_job makes a new one"
      : `create_job with {"key": ${JSON.stringify(key)}, "revive": true} makes it anew`;
  const history = purged
    ? "its history goes within minutes"
    : `list_executions {"job_id": "${id}"} shows its history until retention takes it`;
  return `${again}; ${history}.`;
}
