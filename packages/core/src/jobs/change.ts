import type { JobChange, NewRevision } from "../database/tables.ts";
import type { JobRow } from "./jobs.sql.ts";
import { changedPolicies } from "./policies.ts";
import { type Changes, reschedule, reschedules } from "./reschedule.ts";
import { contentType, newRevision } from "./revision.ts";
import { defaultQueue } from "../queues/queue.ts";

export const requestFields = [
  "url",
  "method",
  "headers",
  "body",
  "timeout_seconds",
  "success_statuses",
  "assertions",
  "follow_redirects",
  "retry",
  "callback_url",
] as const;

/** What an update changes in the stored job, and the new version of its request where that changes. */
export function changeJob(
  job: JobRow,
  input: Changes,
  now: Date,
): { change: JobChange; revision: NewRevision | undefined } {
  const change: JobChange = { updated_at: now };
  if (input.name !== undefined) change.name = input.name;
  if (input.queue !== undefined) change.queue = input.queue ?? defaultQueue;
  if (input.description !== undefined) change.description = input.description;
  Object.assign(change, changedPolicies(input));
  if (input.metadata !== undefined) change.metadata = JSON.stringify(input.metadata ?? {});
  if (reschedules(input)) Object.assign(change, reschedule(job, input, now));
  const revision = requestFields.some((field) => input[field] !== undefined)
    ? changeRequest(job, input, now)
    : undefined;
  if (revision) Object.assign(change, { revision_id: revision.id, host: revision.host });
  return { change, revision };
}

function changeRequest(job: JobRow, input: Changes, now: Date): NewRevision {
  // A body that was JSON stays the text it was made into, with the header that says so.
  return newRevision(
    { scopeId: job.scope_id, jobId: job.id, now },
    {
      method: input.method ?? job.method,
      url: input.url ?? job.url,
      headers: changeHeaders(job, input),
      body: given<unknown>(input.body, job.body),
      timeout_seconds: given(input.timeout_seconds, job.inherits_timeout ? null : job.timeout_seconds),
      success_statuses: given(input.success_statuses, job.success_statuses),
      assertions: given(input.assertions, job.assertions),
      follow_redirects: given(input.follow_redirects, job.follow_redirects),
      retry: given(input.retry, job.inherits_retry ? null : job.retry),
      callback_url: given(input.callback_url, job.callback_url),
    },
  );
}

/** What a field is now: as before where nothing is said, and as if it had never been given where that is null. */
function given<Value>(said: Value | null | undefined, before: Value | null): Value | undefined {
  return (said === undefined ? before : said) ?? undefined;
}

/** The type of a body that stays belongs to it, and stays when the other headers go. */
function changeHeaders(job: JobRow, input: Changes): Record<string, string> {
  if (input.headers === undefined) return job.headers;
  const headers = input.headers ?? {};
  const type = contentType(job.headers);
  if (!type || job.body === null || input.body !== undefined || contentType(headers)) return headers;
  return { ...headers, [type[0]]: type[1] };
}
