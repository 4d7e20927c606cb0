import { z } from "zod";
import { id, metadata } from "./common.ts";
import { executionStatuses } from "./execution.ts";
import { jobKinds, jobStates } from "./job.ts";
import { agentName } from "./agent.ts";
import { slug } from "./request.ts";

/** Which jobs are meant: those that all of these hold for. */
export const jobFilter = {
  state: z.enum(jobStates).optional(),
  kind: z.enum(jobKinds).optional(),
  queue: slug.optional(),
  agent: agentName.optional(),
  key: slug.optional(),
  number: z.int().min(1).optional(),
  name: z.string().trim().min(1).max(255).optional().describe("exactly"),
  name_prefix: z.string().min(1).max(255).optional(),
  search: z.string().min(1).max(200).optional().describe("in name or URL"),
  last_status: z.enum(executionStatuses).optional().describe("of the last run"),
  min_consecutive_failures: z.int().min(1).max(1_000_000).optional().describe("1: failing now"),
  overdue: z.boolean().optional().describe("due for over 5 s"),
  metadata: metadata.optional(),
};

const { key: _key, number: _number, name: _name, ...filter } = jobFilter;

/** Jobs to be changed together: what only one can have is no filter for many. */
export const manyJobs = {
  job_ids: z.array(id).min(1).max(1000).optional(),
  ...filter,
  all: z.literal(true).optional().describe("no filter"),
  dry_run: z.boolean().default(false).describe("only count"),
};
