import { z } from "zod";
import { operation } from "../operation.ts";
import { id, idempotencyKey, instant, instantInput } from "../schemas/common.ts";
import { executionErrorCode } from "../schemas/execution.ts";
import { executionText, slug } from "../schemas/request.ts";

/** Executions that ended without success, and how many of them at once. */
const deadLetterInput = {
  job_id: id.optional(),
  queue: slug.optional(),
  error_code: executionErrorCode.optional(),
  status: z.enum(["failed", "expired", "canceled"]).default("failed"),
  ...executionText,
  from: instantInput.optional().describe("scheduled at or after"),
  to: instantInput.optional(),
  execution_ids: z.array(id).min(1).max(100).optional(),
  all: z.literal(true).optional().describe("no filter"),
  limit: z.int().min(1).max(10_000).default(1000).describe("oldest first"),
  dry_run: z.boolean().default(false).describe("only count"),
};

const counted = {
  dry_run: z.literal(true).optional(),
  matched: z.int().describe("counted up to 100,000"),
  /** There are more than were counted. */
  matched_capped: z.boolean(),
  remaining: z.int().describe("matched and left for the next time"),
};

export const replayExecutions = operation({
  name: "replay_executions",
  title: "Replay executions",
  description:
    "Replay, retry or resend many failed executions (dead letters) in bulk, as after an outage, spread over time. They send again what was sent; what was replayed before is left out. Try it with dry_run first.",
  input: z.strictObject({
    ...deadLetterInput,
    per_second: z.int().min(1).max(1000).default(50),
    idempotency_key: idempotencyKey.optional(),
  }),
  output: z.object({
    id: z.string().nullable().describe("null where nothing was replayed"),
    ...counted,
    replayed: z.int(),
    per_second: z.int(),
    finishes_at: instant.nullable().describe("when the last of them is due"),
  }),
  risk: "execute",
  access: "any_caller",
  idempotent: false,
  toolset: "executions",
  http: { method: "POST", path: "/v1/executions/replay", status: 201 },
  tool: {
    concise: ["id", "dry_run", "matched", "replayed", "remaining", "per_second", "finishes_at"],
  },
});

export const purgeExecutions = operation({
  name: "purge_executions",
  title: "Purge executions",
  description: "Delete failed, expired or canceled executions with their attempts, for good.",
  input: z.strictObject({ ...deadLetterInput, idempotency_key: idempotencyKey.optional() }),
  output: z.object({ ...counted, purged: z.int() }),
  risk: "destructive",
  access: "any_caller",
  idempotent: false,
  toolset: "executions",
  http: { method: "POST", path: "/v1/executions/purge" },
});

const replay = z.object({
  id: z.string(),
  state: z.enum(["active", "completed", "canceled"]),
  total: z.int(),
  done: z.int(),
  percent: z.number(),
  executions: z.object({
    pending: z.int(),
    running: z.int(),
    retrying: z.int(),
    succeeded: z.int(),
    failed: z.int(),
    expired: z.int(),
    canceled: z.int(),
  }),
  per_second: z.int(),
  /** An estimate; null when all is done. */
  finishes_at: instant.nullable(),
  created_by: z.string(),
  created_at: instant,
  canceled_at: instant.nullable(),
});

export const getReplay = operation({
  name: "get_replay",
  title: "Get a replay",
  description: "Show how far a replay of many executions has come.",
  input: z.strictObject({ replay_id: id }),
  output: replay,
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "executions",
  http: { method: "GET", path: "/v1/replays/{replay_id}" },
});

export const cancelReplay = operation({
  name: "cancel_replay",
  title: "Cancel a replay",
  description: "End what a replay has not started yet; those executions can be replayed again.",
  input: z.strictObject({ replay_id: id }),
  output: replay,
  risk: "destructive",
  access: "any_caller",
  idempotent: true,
  toolset: "executions",
  http: { method: "POST", path: "/v1/replays/{replay_id}/cancel" },
});
