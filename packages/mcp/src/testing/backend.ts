import type {
  Attempt,
  Backend,
  CallerView,
  Execution,
  ExecutionWithAttempts,
  Job,
} from "@org/scheduler-contract";
import { operations, parseInput, SchedulerError, usualJob } from "@org/scheduler-contract";

type Fields = Record<string, unknown>;

/** What a test puts in and looks at. */
export interface TestBackend extends Backend {
  jobs: Job[];
  executions: ExecutionWithAttempts[];
  /** Every call that reached the backend, in order. */
  calls: { name: string; input: Fields }[];
}

export const token = "cron_pat_full";
export const readOnlyToken = "cron_pat_read_only";

/** A backend in memory with just enough behind the operations to see the tools at work. */
export function createTestBackend(): TestBackend {
  const jobs: Job[] = [];
  const executions: ExecutionWithAttempts[] = [];
  const calls: TestBackend["calls"] = [];
  const page = <Row>(rows: Row[], { limit, cursor }: Fields) => {
    const start = Number(cursor ?? 0);
    const end = start + Number(limit);
    const more = end < rows.length;
    return { data: rows.slice(start, end), next_cursor: more ? String(end) : null, has_more: more };
  };
  const carryOut: Record<string, (input: Fields) => unknown> = {
    list_jobs: (input) =>
      page(
        jobs.filter((job) =>
          (["number", "key", "name"] as const).every((field) => (input[field] ?? job[field]) === job[field]),
        ),
        input,
      ),
    get_job: ({ job_id: id }) => found(jobs, id),
    create_job: ({ dry_run: dryRun, ...input }) => {
      const job = exampleJob({ ...(input as Partial<Job>), number: jobs.length + 1 });
      if (dryRun) return { ...job, dry_run: true, notes: ["a note"] };
      jobs.unshift(job);
      return job;
    },
    update_job: ({ job_id: id }) => found(jobs, id),
    delete_job: ({ job_id: id }) => {
      jobs.splice(jobs.indexOf(found(jobs, id)), 1);
      return { deleted: true, id };
    },
    run_job: () => {
      throw new TypeError("secret-of-the-machine-room");
    },
    list_queues: (input) =>
      page(
        [...new Set(jobs.map(({ queue }) => queue))].map((name) => ({ name })),
        input,
      ),
    update_queue: ({ name }) => ({ name, created: !jobs.some(({ queue }) => queue === name) }),
    list_executions: (input) => page(executions, input),
    get_execution: ({ execution_id: id }) => found(executions, id),
    wait_for_execution: ({ execution_id: id }) => found(executions, id),
  };
  return {
    jobs,
    executions,
    calls,
    authenticate: (given) => {
      if (given === token) return Promise.resolve<CallerView>({ readOnly: false });
      if (given === readOnlyToken) return Promise.resolve<CallerView>({ readOnly: true });
      return Promise.reject(
        new SchedulerError("unauthenticated", "The token is missing or not valid.", {
          hint: "Send Authorization: Bearer cron_pat_…",
        }),
      );
    },
    execute: async (name, input, caller) => {
      const operation = operations[name];
      const fields = parseInput(operation, input) as Fields;
      calls.push({ name, input: input as Fields });
      if (caller?.readOnly && operation.risk !== "read") throw new Error("a read-only caller got this far");
      return (await carryOut[name]!(fields)) as never;
    },
    ready: () => Promise.resolve({ ready: true, checks: {} }),
  };
}

function found<Row extends { id: string }>(rows: Row[], id: unknown): Row {
  const row = rows.find((candidate) => candidate.id === id);
  if (row) return row;
  throw new SchedulerError("not_found", `There is no "${String(id)}".`, {
    hint: "list_jobs shows what there is.",
  });
}

/** The contract gives 8,000 tokens to the 35 tools that it names; the heavy ones are here already. */
export function listBudget(tools: number): number {
  return 8000 - (35 - tools) * 120;
}

/** A job with everything filled in. */
export function exampleJob(fields: Partial<Job> = {}): Job {
  const number = fields.number ?? 1;
  return {
    id: `job_${String(number).padStart(26, "0")}`,
    number,
    name: "nightly report",
    description: null,
    state: "active",
    kind: "cron",
    url: "https://api.example.com/sync",
    method: "GET",
    headers: {},
    body: null,
    cron: "0 9 * * *",
    jitter_seconds: null,
    ttl_seconds: null,
    overlap: "allow",
    catch_up: "latest",
    catch_up_window_seconds: 86_400,
    catch_up_max_runs: 100,
    every_n_minutes: null,
    run_at: null,
    timezone: "UTC",
    start_at: null,
    end_at: null,
    schedule_description: "At 09:00 (UTC)",
    max_runs: null,
    key: null,
    queue: "default",
    timeout_seconds: 30,
    success_statuses: ["2xx"],
    assertions: [],
    follow_redirects: false,
    callback_url: null,
    alert_threshold: null,
    muted_until: null,
    is_alerted: false,
    retry: usualJob.retry,
    metadata: {},
    agent: null,
    message: null,
    token_id: null,
    parent_execution_id: null,
    consecutive_failures: 0,
    last_run_at: null,
    last_status: null,
    next_run_at: "2026-07-01T09:00:00.000Z",
    next_run_local: "2026-07-01T09:00:00+00:00",
    next_runs: ["2026-07-01T09:00:00.000Z"],
    created_by: "usr_1",
    created_at: "2026-06-01T00:00:00.000Z",
    updated_at: "2026-06-01T00:00:00.000Z",
    ...fields,
  };
}

/** A finished execution with the attempts given. */
export function exampleExecution(fields: Partial<ExecutionWithAttempts> = {}): ExecutionWithAttempts {
  const execution: Execution = {
    id: "exec_00000000000000000000000001",
    job_id: "job_00000000000000000000000001",
    job_name: "nightly report",
    queue: "default",
    trigger: "schedule",
    status: "succeeded",
    reason: null,
    scheduled_for: "2026-07-01T09:00:00.000Z",
    started_at: "2026-07-01T09:00:00.010Z",
    finished_at: "2026-07-01T09:00:00.090Z",
    lateness_ms: 10,
    duration_ms: 80,
    attempt_count: 1,
    max_attempts: 8,
    next_attempt_at: null,
    status_code: 200,
    error: null,
    replay_of: null,
    parent_execution_id: null,
    context_used: null,
    cost: null,
    created_at: "2026-07-01T09:00:00.000Z",
  };
  return { ...execution, attempts: [], ...fields };
}

/** An attempt that got an answer. */
export function exampleAttempt(fields: Partial<Attempt> = {}): Attempt {
  return {
    number: 1,
    status: "succeeded",
    error_code: null,
    error: null,
    status_code: 200,
    started_at: "2026-07-01T09:00:00.010Z",
    latency_ms: 80,
    method: "GET",
    url: "https://api.example.com/sync",
    redirected: false,
    method_changed: false,
    response_encoding: "text",
    response_headers: { "content-type": "text/plain" },
    response_body: "ok",
    response_truncated: false,
    ...fields,
  };
}
