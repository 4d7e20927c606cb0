import {
  type Assertion,
  SchedulerError,
  type RetryInput,
  type RetryPolicy,
  type Statuses,
} from "@org/scheduler-contract";
import type { NewRevision } from "../database/tables.ts";
import { newId } from "../ids.ts";
import { defaultRetry } from "../time/retry.ts";

/** What a job sends, as callers write it. */
export interface RequestInput {
  method: string;
  url: string;
  headers?: Record<string, string> | undefined;
  body?: unknown;
  /** Missing, like `retry`: the queue's own holds, or else the default. */
  timeout_seconds?: number | undefined;
  success_statuses?: Statuses | undefined;
  assertions?: Assertion[] | undefined;
  follow_redirects?: boolean | undefined;
  retry?: RetryInput | undefined;
  callback_url?: string | undefined;
}

const defaultSuccess: Statuses = ["2xx"];
const defaultTimeoutSeconds = 30;

/** A new version of a job's request, with every default filled in. */
export function newRevision(
  owner: { scopeId: number; jobId: string; now: Date },
  input: RequestInput,
): NewRevision {
  const asText = input.body === undefined || typeof input.body === "string";
  const headers = asText ? (input.headers ?? {}) : withJsonType(input.headers ?? {});
  return {
    scope_id: owner.scopeId,
    id: newId(owner.now),
    job_id: owner.jobId,
    method: input.method,
    url: input.url,
    host: new URL(input.url).host,
    headers: JSON.stringify(headers),
    body: asText ? ((input.body as string | undefined) ?? null) : JSON.stringify(input.body),
    timeout_seconds: input.timeout_seconds ?? defaultTimeoutSeconds,
    inherits_timeout: input.timeout_seconds === undefined,
    success_statuses: JSON.stringify(input.success_statuses ?? defaultSuccess),
    assertions: input.assertions === undefined ? null : JSON.stringify(input.assertions),
    follow_redirects: input.follow_redirects ?? false,
    retry: JSON.stringify(fullRetry(input.retry)),
    inherits_retry: input.retry === undefined,
    callback_url: input.callback_url ?? null,
  };
}

/** The header that says what a body is, as it was written. */
export function contentType(headers: Record<string, string>): [name: string, value: string] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type");
}

function withJsonType(headers: Record<string, string>): Record<string, string> {
  return contentType(headers) ? headers : { ...headers, "Content-Type": "application/json" };
}

/** A retry policy with everything filled in. Throws `invalid_input` where it contradicts itself. */
export function fullRetry(input: RetryInput = {}): RetryPolicy {
  const policy: RetryPolicy = { ...defaultRetry, ...input };
  if (input.delays_seconds !== undefined) policy.strategy = input.strategy ?? "list";
  if ((policy.strategy === "list") !== policy.delays_seconds.length > 0) {
    throw new SchedulerError("invalid_input", "delays_seconds and the list strategy go together.", {
      field: "retry.delays_seconds",
      hint: 'Give both or neither, for example {"strategy": "list", "delays_seconds": [60, 1800, 10800]}.',
    });
  }
  // A delay that was asked for is not to be cut by a limit that was not.
  policy.max_seconds =
    input.max_seconds ?? Math.max(policy.max_seconds, policy.base_seconds, ...policy.delays_seconds);
  return policy;
}
