import { z } from "zod";
import type { Access } from "../access.ts";
import { operation } from "../operation.ts";
import { instantInput, page, pageInput } from "../schemas/common.ts";
import { queue, rateLimit } from "../schemas/queue.ts";
import { retry, slug, timeoutSeconds } from "../schemas/request.ts";

/** What a queue holds back may be anybody's. */
const managingQueues = {
  kinds: ["user", "system", "service"],
  manages: "queues",
} as const satisfies Access;

const concise = ["name", "concurrency", "rate_limit", "paused", "priority", "waiting", "running"] as const;

export const listQueues = operation({
  name: "list_queues",
  title: "List queues",
  description:
    "List queues with their limits (concurrency, rate limit) and backlog: how many executions wait and run in each, which are paused.",
  input: z.strictObject({ ...pageInput }),
  output: page(queue),
  risk: "read",
  access: "any_caller",
  idempotent: true,
  toolset: "queues",
  http: { method: "GET", path: "/v1/queues" },
  tool: { concise },
});

export const updateQueue = operation({
  name: "update_queue",
  title: "Update a queue",
  description:
    "Update, limit, throttle, pause, resume, mute or prioritize a queue: concurrency and rate limit of what its jobs send, on all workers together. A new name makes one. Concurrency 1 sends one at a time, in the order they were due.",
  input: z.strictObject({
    name: slug,
    concurrency: z.int().min(1).max(100_000).nullable().optional(),
    rate_limit: rateLimit.nullable().optional(),
    paused: z.boolean().optional(),
    timeout_seconds: timeoutSeconds.nullable().optional(),
    retry: retry.nullable().optional(),
    priority: z.int().min(-100).max(100).nullable().optional().describe("higher first; default 0"),
    muted_until: instantInput.nullable().optional(),
  }),
  output: queue.extend({ created: z.boolean().describe("it was not there before") }),
  risk: "write",
  access: managingQueues,
  idempotent: true,
  toolset: "queues",
  http: { method: "PATCH", path: "/v1/queues/{name}" },
  tool: { concise: [...concise, "created"] },
});

export const pauseQueue = operation({
  name: "pause_queue",
  title: "Pause a queue",
  description: "Let nothing of a queue start until it is resumed. What already runs goes on.",
  input: z.strictObject({ name: slug }),
  output: queue,
  risk: "write",
  access: managingQueues,
  idempotent: true,
  toolset: "queues",
  http: { method: "POST", path: "/v1/queues/{name}/pause" },
});

export const resumeQueue = operation({
  name: "resume_queue",
  title: "Resume a queue",
  description: "Let what waits in a paused queue start, in its order.",
  input: z.strictObject({ name: slug }),
  output: queue,
  risk: "write",
  access: managingQueues,
  idempotent: true,
  toolset: "queues",
  http: { method: "POST", path: "/v1/queues/{name}/resume" },
});
