import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import type { ExecutionStatus, Input, Trigger } from "@org/scheduler-contract";
import { plan } from "../engine/plan.ts";
import { reconcile, startReconciling } from "../engine/reconcile.ts";
import { fromPublicId, newId } from "../ids.ts";
import { testBench } from "../testing/bench.ts";
import { drain, noRoom, testClock } from "../testing/index.ts";
import { takeBackAll } from "../testing/lost-workers.ts";
import { playWorker } from "../testing/play-worker.ts";

const noon = "2026-03-01T12:00:00Z";
/** The slot of 12:01 has found no room for so long that its execution waits. */
const late = "2026-03-01T12:01:20Z";
const tooLate = "2026-03-01T12:02:50Z";
const ttl_seconds = 80;

const clock = testClock(noon);
const { setup, target, run, create } = testBench({ clock });
const query = (text: string) => sql.raw(text).execute(setup.scheduler.engine.database.db);

/** An execution that waits, whose end is watched. */
interface Watched {
  trigger: Trigger;
  jobId: string;
  execution_id: string;
}

type Fields = Omit<Partial<Input<"create_job">>, "key">;

/** How an execution comes to its end, and what is to follow from that. */
interface Way {
  fields?: Fields;
  /** Who can end like this; everybody unless told. */
  of?: Trigger[];
  /** Before the execution is made. */
  before?(): Promise<unknown>;
  end(watched: Watched): Promise<unknown>;
  is: { status: ExecutionStatus; reason: string | null; error_code?: string };
  /** A job that had failed three times then has failed so often in a row. */
  failures: 0 | 3 | 4;
  /** Nobody is told of it. */
  silent?: true;
  /** The job lives on only as a row that is deleted. */
  state?: string;
}

const once = { retry: { max_attempts: 1 } };
const later = { retry: { strategy: "fixed", base_seconds: 30, jitter: false } } as const;
const tooLateToRetry = { retry: { strategy: "fixed", base_seconds: 300, jitter: false } } as const;

async function answer(statusCode: number): Promise<void> {
  const worker = playWorker(setup.scheduler.engine);
  const [execution] = await worker.start();
  await worker.settle(execution!, { statusCode });
}

/** The request is cut off once somebody wants it no more. */
async function abort(ask: () => Promise<unknown>): Promise<void> {
  const worker = playWorker(setup.scheduler.engine);
  const [execution] = await worker.start();
  await ask();
  await worker.settle(execution!, { status: "canceled", errorCode: null, statusCode: null });
}

const cancel = ({ execution_id }: Watched) => run("cancel_execution", { execution_id });
const reconcileOnce = () =>
  reconcile(setup.scheduler.engine, startReconciling({ workerId: noRoom.workerId }));

const canceled = { status: "canceled", reason: "canceled" } as const;
const expired = { status: "expired", reason: "ttl" } as const;

const ways: Record<string, Way> = {
  "a success": { end: () => answer(200), is: { status: "succeeded", reason: null }, failures: 0 },
  "a failure that is not tried again": {
    fields: once,
    end: () => answer(500),
    is: { status: "failed", reason: null, error_code: "status" },
    failures: 4,
  },
  "an answer after which nobody is to ask again": {
    end: () => answer(410),
    is: { status: "failed", reason: "terminal", error_code: "status" },
    failures: 4,
  },
  "a cancellation while it waits": { end: cancel, is: canceled, failures: 3 },
  "a cancellation under way": {
    end: (watched) => abort(() => cancel(watched)),
    is: canceled,
    failures: 3,
  },
  "a cancellation between two attempts": {
    fields: later,
    end: async (watched) => {
      await answer(500);
      await cancel(watched);
    },
    is: { ...canceled, error_code: "status" },
    failures: 3,
  },
  "the cancellation of its job": {
    of: ["schedule", "manual", "api"],
    end: ({ jobId: job_id }) => run("cancel_job", { job_id }),
    is: { status: "canceled", reason: "job_canceled" },
    failures: 3,
    state: "canceled",
  },
  "the cancellation of its job, seen when it is to start": {
    of: ["schedule", "manual", "api"],
    end: async ({ jobId }) => {
      await query(
        `update scheduler.jobs set state = 'canceled', next_run_at = null where id = '${fromPublicId("job", jobId)}'`,
      );
      await drain(setup.scheduler, clock);
    },
    is: canceled,
    failures: 3,
    state: "canceled",
  },
  "the deletion of its job": {
    of: ["schedule", "manual", "api"],
    end: ({ jobId: job_id }) => run("delete_job", { job_id }),
    is: { status: "canceled", reason: "job_deleted" },
    failures: 3,
    state: "deleted",
  },
  "time that runs out while it waits for room": {
    fields: { ttl_seconds },
    end: () => drain(setup.scheduler, clock, tooLate),
    is: expired,
    failures: 4,
  },
  "time that runs out in the line of a paused queue": {
    fields: { ttl_seconds, queue: "line", catch_up: "all" },
    before: () => run("pause_queue", { name: "line" }),
    end: async () => {
      await drain(setup.scheduler, clock);
      clock.set(tooLate);
      await reconcileOnce();
    },
    is: expired,
    failures: 4,
  },
  "time that runs out in the line of a limited queue": {
    fields: { ttl_seconds, queue: "line" },
    before: () => run("update_queue", { name: "line", concurrency: 1 }),
    end: async () => {
      await plan(setup.scheduler.engine, { ...noRoom });
      await drain(setup.scheduler, clock, tooLate);
    },
    is: expired,
    failures: 4,
  },
  "a next attempt that would come too late": {
    fields: { ttl_seconds, ...tooLateToRetry },
    end: () => answer(500),
    is: { ...expired, error_code: "status" },
    failures: 4,
  },
  "time that runs out between two attempts": {
    fields: { ttl_seconds, ...later },
    end: async () => {
      await answer(500);
      await drain(setup.scheduler, clock, tooLate);
    },
    is: { ...expired, error_code: "status" },
    failures: 4,
  },
  "workers that are lost again and again": {
    end: async ({ execution_id }) => {
      await query(
        `update scheduler.executions set interruptions = 5 where id = '${fromPublicId("exec", execution_id)}'`,
      );
      await playWorker(setup.scheduler.engine).start();
      await takeBackAll(setup.scheduler.engine);
    },
    is: { status: "failed", reason: null, error_code: "worker_lost" },
    failures: 4,
  },
  "a later slot that takes its place while it waits": {
    fields: { overlap: "cancel_previous" },
    end: ({ jobId }) => letNextSlotCome(jobId),
    is: { status: "canceled", reason: "overlap" },
    failures: 3,
    state: "active",
  },
  "a later slot that takes its place while it runs": {
    fields: { overlap: "cancel_previous" },
    end: ({ jobId }) => abort(() => letNextSlotCome(jobId)),
    is: { status: "canceled", reason: "overlap" },
    failures: 3,
    state: "active",
  },
  "a later slot that takes its place in a paused queue": {
    of: ["schedule"],
    fields: { queue: "line", catch_up: "latest" },
    before: () => run("pause_queue", { name: "line" }),
    end: ({ jobId }) => letNextSlotCome(jobId),
    is: { status: "skipped", reason: "queue_paused" },
    failures: 3,
    silent: true,
    state: "active",
  },
  "the cancellation of its replay": {
    of: ["replay"],
    end: async ({ execution_id }) => {
      const id = newId(clock.now());
      await query(`
        insert into scheduler.replays (id, scope_id, total, per_second, created_by, created_at, canceled_at)
        select '${id}', scope_id, 1, 1, 'somebody', created_at, created_at from scheduler.executions
        where id = '${fromPublicId("exec", execution_id)}'`);
      await query(`update scheduler.executions set replay_id = '${id}'
        where id = '${fromPublicId("exec", execution_id)}'`);
      await drain(setup.scheduler, clock);
    },
    is: { status: "canceled", reason: "replay_canceled" },
    failures: 3,
  },
};

/** The job gets one more slot, which is due now. */
async function letNextSlotCome(jobId: string): Promise<void> {
  const at = "2026-03-01T12:02:00Z";
  await query(`update scheduler.jobs set next_run_at = '${at}', max_runs = 2, state = 'active'
    where id = '${fromPublicId("job", jobId)}'`);
  clock.set("2026-03-01T12:02:10Z");
  await plan(setup.scheduler.engine, { ...noRoom });
}

/** An execution that waits for room: the last slot of its job, or what somebody asked for of a job with a slot to come. */
async function makeWaiting(trigger: Trigger, fields: Fields = {}): Promise<Watched> {
  const cron = trigger === "schedule" ? "1 12 1 3 *" : "0 0 1 1 *";
  const callback_url = `${target.url}/told`;
  const job = await create({ cron, max_runs: 1, callback_url, overlap: "allow", ...fields });
  clock.set(late);
  if (trigger === "schedule") await plan(setup.scheduler.engine, { ...noRoom });
  else await run("run_job", { job_id: job.id });
  const [execution] = (await run("list_executions", { job_id: job.id })).data;
  await query(`update scheduler.jobs set consecutive_failures = 3, last_status = 'failed'`);
  if (trigger !== "schedule") await query(`update scheduler.executions set trigger = '${trigger}'`);
  return { trigger, jobId: job.id, execution_id: execution!.id };
}

/** What the job learns of it. */
function toldJob({ trigger }: Watched, { is, failures, state }: Way) {
  const counts = trigger !== "replay" && failures !== 3;
  return {
    consecutive_failures: counts ? failures : 3,
    last_status: counts ? is.status : "failed",
    state: state ?? (trigger === "schedule" ? "completed" : "active"),
  };
}

async function rowsOf(text: string): Promise<unknown[]> {
  return (await query(text)).rows;
}

describe.each(["schedule", "manual", "api", "replay"] as const)("an execution by trigger %s", (trigger) => {
  const its = Object.entries(ways).filter(([, { of }]) => of?.includes(trigger) ?? true);

  test.each(its)("that ends by %s: the row, the job, who is told, and what it held", async (_, way) => {
    await way.before?.();
    const watched = await makeWaiting(trigger, way.fields);
    const id = fromPublicId("exec", watched.execution_id);
    await way.end(watched);

    const row = { error_code: null, due_at: null, line_at: null, worker_id: null, running_since: null };
    expect(
      await rowsOf(`select status, reason, error_code, due_at, line_at, worker_id, running_since,
        finished_at is not null as finished from scheduler.executions where id = '${id}'`),
    ).toEqual([{ ...row, ...way.is, finished: true }]);
    expect(
      await rowsOf(`select consecutive_failures, last_status,
        case when deleted_at is null then state else 'deleted' end as state from scheduler.jobs
        where id = '${fromPublicId("job", watched.jobId)}'`),
    ).toEqual([toldJob(watched, way)]);
    expect(await rowsOf(`select status from scheduler.deliveries where execution_id = '${id}'`)).toHaveLength(
      way.silent ? 0 : 1,
    );
    expect(await rowsOf(`select id from scheduler.open_executions where id = '${id}'`)).toEqual([]);
  });
});

/** These are over before anything could wait for them: slots alone. */
describe("a slot that is over when it is written", () => {
  test.each([
    ["for its time has run out", { ttl_seconds: 20 }, "expired ttl", 1, "expired", 1],
    ["for it was missed", { cron: "* 11 1 3 *", catch_up: "skip" }, "skipped missed", 0, null, 0],
  ] as const)("%s", async (_, fields, told, failures, last_status, deliveries) => {
    clock.set("2026-03-01T11:58:30Z");
    const job = await create({
      cron: "1 12 1 3 *",
      max_runs: 1,
      callback_url: `${target.url}/told`,
      ...fields,
    });
    await drain(setup.scheduler, clock, tooLate);
    const { data } = await run("list_executions", { job_id: job.id });
    expect(data.map(({ status, reason }) => `${status} ${reason}`)).toEqual([told]);
    expect(await run("get_job", { job_id: job.id })).toMatchObject({
      consecutive_failures: failures,
      last_status,
    });
    expect(await rowsOf("select id from scheduler.deliveries")).toHaveLength(deliveries);
    expect(await rowsOf("select id from scheduler.open_executions")).toEqual([]);
  });
});
