import { type Output, type ParsedInput, SchedulerError } from "@org/scheduler-contract";
import { reachOf } from "../access/reach.sql.ts";
import { fromPublicId, toPublicId } from "../ids.ts";
import type { WriteContext } from "../operations/context.ts";
import { noticeIfNear } from "./create.ts";
import { type JobChanged, type JobRow, listJobs, lockJobs, updateJobs } from "./jobs.sql.ts";

type Input = ParsedInput<"pause_jobs">;
type Outcome = Output<"pause_jobs">["jobs"][number]["outcome"];

/** What a job becomes; undefined where it stays as it is. Throws SchedulerError where it cannot be changed. */
type Change = (job: JobRow) => Omit<JobChanged, "id"> | undefined;

/** What one transaction changes without holding up anybody for long. */
const mostJobs = 1000;
const shownOfEach = 10;

/** Changes many jobs in few statements, and says what became of each. Throws `invalid_input` where none are named. */
export async function changeJobs(
  context: WriteContext,
  input: Input,
  change: Change,
): Promise<Output<"pause_jobs">> {
  const { tx, caller, now } = context;
  const { asked, hasMore } = await idsOf(context, input);
  const known = asked.flatMap((id) => fromPublicId("job", id) ?? []);
  const jobs = new Map((await lockJobs(tx, reachOf(caller, "toggle"), known)).map((job) => [job.id, job]));
  const changes: JobChanged[] = [];
  const told = asked.map((id) => {
    const job = jobs.get(fromPublicId("job", id) ?? "");
    if (!job)
      return { id: id.slice(0, 64), name: null, outcome: "not_found" as const, reason: "no such job" };
    return { id, name: job.name, ...tryChange(job) };
  });
  function tryChange(job: JobRow): { outcome: Outcome; reason: string | null } {
    try {
      const changed = change(job);
      if (!changed) return { outcome: "unchanged", reason: `it is ${job.state}` };
      changes.push({ id: job.id, ...changed });
      return { outcome: "changed", reason: null };
    } catch (error) {
      if (!(error instanceof SchedulerError)) throw error;
      return { outcome: "refused", reason: error.message };
    }
  }

  if (!input.dry_run && changes.length > 0) {
    await updateJobs(tx, caller.scopeId, changes, now);
    const next = Math.min(...changes.map(({ next_run_at }) => next_run_at?.getTime() ?? Infinity));
    await noticeIfNear(tx, next === Infinity ? null : new Date(next), now);
  }
  const of = (outcome: Outcome) => told.filter((one) => one.outcome === outcome);
  return {
    ...(input.dry_run && { dry_run: true as const }),
    matched: asked.length,
    has_more: hasMore,
    changed: of("changed").length,
    unchanged: of("unchanged").length,
    refused: of("refused").length,
    not_found: of("not_found").length,
    jobs: (["refused", "not_found", "changed", "unchanged"] as const).flatMap((outcome) =>
      of(outcome).slice(0, shownOfEach),
    ),
  };
}

/** The public ids of the jobs that are meant, at most as many as are changed at once. */
async function idsOf(
  { tx, caller, now }: WriteContext,
  input: Input,
): Promise<{ asked: string[]; hasMore: boolean }> {
  const { job_ids: ids, all, dry_run: _, ...filter } = input;
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if ([ids !== undefined, isFiltered, all !== undefined].filter(Boolean).length !== 1) throw sayWhich();
  if (ids) return { asked: [...new Set(ids)], hasMore: false };
  const rows = await listJobs(tx, reachOf(caller, "toggle"), {
    filter,
    before: undefined,
    limit: mostJobs,
    now,
  });
  return {
    asked: rows.slice(0, mostJobs).map(({ id }) => toPublicId("job", id)),
    hasMore: rows.length > mostJobs || rows.at(-1)?.is_beyond === true,
  };
}

function sayWhich(): SchedulerError {
  return new SchedulerError("invalid_input", "It is not clear which jobs are meant.", {
    hint: 'Give job_ids, or a filter such as {"queue": "webhooks"}, or {"all": true}; one of the three.',
  });
}
