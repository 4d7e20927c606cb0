import { z } from "zod";
import { methods, slug } from "./request.ts";
import { secretName } from "./secret.ts";

const label = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?";
const hostPattern = new RegExp(`^((\\*\\.)?${label}(\\.${label})*|\\[[0-9a-f:.]+\\])(:\\d{1,5})?$`);

/** `api.example.com`, `*.example.com` for what is below it, each with a port where only that one is meant. */
const host = z
  .string()
  .max(255)
  .transform((text) => text.toLowerCase())
  .refine(
    (text) => hostPattern.test(text),
    "expected a host such as api.example.com, *.example.com or localhost:8080",
  );

/** What a key may not go beyond, whatever it asks for. What is left out is not bounded. */
export const bounds = z.strictObject({
  hosts: z.array(host).min(1).max(100).optional().describe("that its jobs may call"),
  methods: z.array(z.enum(methods)).min(1).optional(),
  min_interval_seconds: z
    .int()
    .min(1)
    .max(366 * 86_400)
    .optional()
    .describe("between the runs of a job"),
  max_jobs: z.int().min(0).max(1_000_000).optional().describe("that are not over, at once"),
  max_fires_per_day: z.int().min(0).max(100_000_000).optional().describe("UTC"),
  secrets: z.array(secretName).max(100).optional().describe("that its jobs may name; [] for none"),
  handlers: z.array(slug).max(100).optional(),
  max_lifetime_days: z
    .int()
    .min(1)
    .max(3660)
    .optional()
    .describe("of a job that recurs without max_runs; default 30"),
  max_depth: z.int().min(0).max(100).optional().describe("of jobs that executions make"),
});
export type Bounds = z.infer<typeof bounds>;

/** How long a recurring job of a bounded key lives where its bounds do not say it, in days. */
export const usualLifetimeDays = 30;
