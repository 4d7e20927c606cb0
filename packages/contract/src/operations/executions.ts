import { z } from "zod";
import { operation } from "../operation.ts";
import {
  counts,
  countsInput,
  id,
  idempotencyKey,
  instantInput,
  page,
  pageInput,
  waitSeconds,
} from "../schemas/common.ts";
import {
  executionErrorCode,
  execution,
  executionStatuses,
  executionWithAttempts,
  triggers,
} from "../schemas/execution.ts";
import { executionText, slug } from "../schemas/request.ts";

const concise = [
  "id",
  "job_id",
  "job_name",
  "trigger",
  "status",
  "reason",
  "scheduled_for",
  "lateness_ms",
  "attempt_count",
  "max_attempts",
  "next_attempt_at",
  "status_code",
  "error",
] as const;

export const listExecutions = operation({
  name: "list_executions",
  title: "List executions",
  description:
    "List executions, newest first: the history or log of runs, recent failures and errors, what ran when and how it ended; by job, status, error or time.",
  input: z.strictObject({
    job_id: id.optional(),
    status: z.enum(executionStatuses).optional(),
    trigger: z.enum(triggers).optional(),
    queue: slug.optional(),
    error_code: executionErrorCode.optional(),
    ...executionText,
    replay_id: id.optional(),
    from: instantInput.optional().describe("scheduled at or after"),
    to: instantInput.optional(),
    ...pageInput,
    ...countsInput,
  }),
  output: page(execution).extend({ counts: counts.optional() }),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "executions",
  http: { method: "GET", path: "/v1/executions" },
  tool: { concise },
});

export const getExecution = operation({
  name: "get_execution",
  title: "Get an execution",
  description:
    "Show one execution (run) with every attempt: its logs, response body, headers, status code and error.",
  input: z.strictObject({
    execution_id: id,
    wait_seconds: waitSeconds.default(0),
  }),
  output: executionWithAttempts,
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "executions",
  http: { method: "GET", path: "/v1/executions/{execution_id}" },
  tool: { concise: [...concise, "attempts"] },
});

export const waitForExecution = operation({
  name: "wait_for_execution",
  title: "Wait for an execution",
  description:
    "Wait for, watch or poll an execution (run) until it is finished, at most 50 s; answers with its result, or where it stands. By job_id: its newest execution, or the first to come.",
  input: z.strictObject({
    execution_id: id.optional(),
    job_id: id.optional(),
    wait_seconds: waitSeconds.default(30),
  }),
  output: executionWithAttempts,
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "executions",
  http: { method: "GET", path: "/v1/executions/wait" },
  tool: { concise: [...concise, "attempts"] },
});

export const replayExecution = operation({
  name: "replay_execution",
  title: "Replay an execution",
  description:
    "Replay, retry, redo or resend one failed or finished execution. It sends again what was sent: after mending a job use run_job.",
  input: z.strictObject({ execution_id: id, idempotency_key: idempotencyKey.optional() }),
  output: execution,
  risk: "execute",
  access: "any_caller",
  idempotent: false,
  toolset: "executions",
  http: { method: "POST", path: "/v1/executions/{execution_id}/replay", status: 201 },
  tool: { concise: ["id", "job_id", "status", "replay_of"] },
});

export const cancelExecution = operation({
  name: "cancel_execution",
  title: "Cancel an execution",
  description:
    "Cancel, abort, stop or kill one execution: one that waits ends at once, a request under way is aborted, a finished one stays as it is.",
  input: z.strictObject({ execution_id: id }),
  output: execution,
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "executions",
  http: { method: "POST", path: "/v1/executions/{execution_id}/cancel" },
  tool: { concise: ["id", "job_id", "job_name", "status", "canceling"] },
});
