import type { z } from "zod";
import { SchedulerError } from "./errors.ts";
import type { Operation } from "./operation.ts";

/** Checks a caller's input against an operation. Throws `invalid_input` naming the field and the fix. */
export function parseInput<Op extends Operation>(operation: Op, input: unknown): z.output<Op["input"]> {
  const result = operation.input.safeParse(input ?? {});
  if (result.success) return result.data as z.output<Op["input"]>;
  throw inputError(operation, input, result.error.issues[0]!);
}

function inputError(operation: Operation, input: unknown, issue: z.core.$ZodIssue): SchedulerError {
  if (issue.code === "unrecognized_keys") return unknownField(operation, issue);
  const path = issue.path.map(String);
  const field = path.join(".");
  if (path.length === 0) {
    return new SchedulerError("invalid_input", `${operation.name}: ${issue.message}`, {
      hint: `Send a JSON object with ${fieldList(operation)}.`,
    });
  }
  const missing = path.length === 1 && !hasField(input, path[0]!);
  const detail = missing ? `"${field}" is required.` : `"${field}": ${issue.message}.`;
  const example = exampleOf(operation, path[0]!);
  return new SchedulerError("invalid_input", detail, {
    field,
    hint: example
      ? `Give ${path[0]} like ${example}.`
      : missing
        ? `Add "${field}" and send the request again.`
        : `Change "${field}" and send the request again.`,
  });
}

function unknownField(operation: Operation, issue: z.core.$ZodIssueUnrecognizedKeys): SchedulerError {
  const field = [...issue.path.map(String), issue.keys[0]!].join(".");
  const where =
    issue.path.length === 0 ? `${operation.name} takes ${fieldList(operation)}` : "check its spelling";
  return new SchedulerError("invalid_input", `"${field}" is not a known field.`, {
    field,
    hint: `Leave it out, or use a known one: ${where}.`,
  });
}

function fieldList(operation: Operation): string {
  return Object.keys(operation.input.shape).join(", ") || "no fields";
}

function hasField(input: unknown, name: string): boolean {
  return typeof input === "object" && input !== null && Object.hasOwn(input, name);
}

const examples: Record<string, string> = {
  body: '"text", or an object that is sent as JSON',
  cron: '"0 9 * * *"',
  end_at: '"2030-01-01T00:00:00Z"',
  every_n_minutes: "15",
  execution_id: '"exec_01h455vb4pex5vsknk084sn02q"; list_executions shows them',
  expires_at: '"2030-01-01T00:00:00Z"',
  from: '"2026-07-01T09:00:00Z"',
  headers: '{"Authorization": "Bearer …"}',
  job_id: '"job_01h455vb4pex5vsknk084sn02q"; list_jobs shows them',
  kind: '"cron"; or leave it out, it follows from the timing',
  limit: "20, from 1 to 100",
  metadata: '{"team": "billing"}',
  method: '"POST"; one of GET, POST, PUT, PATCH, DELETE, HEAD',
  name: '"nightly report"',
  retry: '{"max_attempts": 5, "base_seconds": 10}',
  run_at: '"2026-07-01T09:00:00Z"',
  start_at: '"2026-07-01T09:00:00Z"',
  success_statuses: '["2xx", 304]',
  timeout_seconds: "30, from 1 to 300",
  timezone: '"Europe/Berlin"',
  to: '"2026-07-01T09:00:00Z"',
  url: '"https://api.example.com/sync"',
  wait_seconds: "30, from 0 to 60",
  when: '"in 2h", "2026-07-01 09:00" or "0 9 * * *"',
};

function exampleOf(operation: Operation, field: string): string | undefined {
  return Object.hasOwn(operation.input.shape, field) ? examples[field] : undefined;
}
