import { z } from "zod";
import { operation } from "../operation.ts";
import { manyJobs } from "../schemas/job-filter.ts";

/** What became of each job, the first of each kind by name. */
const outcomes = z.object({
  dry_run: z.literal(true).optional(),
  matched: z.int().describe("at most 1,000 at a time"),
  has_more: z.boolean(),
  changed: z.int(),
  unchanged: z.int(),
  refused: z.int(),
  not_found: z.int(),
  jobs: z
    .array(
      z.object({
        id: z.string(),
        name: z.string().nullable(),
        outcome: z.enum(["changed", "unchanged", "refused", "not_found"]),
        reason: z.string().nullable(),
      }),
    )
    .describe("the first ten of each outcome"),
});

const concise = [
  "dry_run",
  "matched",
  "has_more",
  "changed",
  "unchanged",
  "refused",
  "not_found",
  "jobs",
] as const;

export const pauseJobs = operation({
  name: "pause_jobs",
  title: "Pause many jobs",
  description:
    "Pause, disable or stop many jobs in bulk, all of a queue or filter, or by ids; says what became of each. Try it with dry_run first.",
  input: z.strictObject(manyJobs),
  output: outcomes,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs/pause" },
  tool: { hides: ["last_status"], concise },
});

export const resumeJobs = operation({
  name: "resume_jobs",
  title: "Resume many jobs",
  description:
    "Resume, unpause or enable many jobs and drafts in bulk, all of a queue or filter, or by ids; says what became of each. Try it with dry_run first.",
  input: z.strictObject(manyJobs),
  output: outcomes,
  risk: "write",
  access: "any_caller",
  idempotent: true,
  toolset: "jobs",
  http: { method: "POST", path: "/v1/jobs/resume" },
  tool: { hides: ["last_status"], concise },
});
