/** Everything that can go wrong for a caller: one code, its HTTP status and its title (RFC 9457). */
export const errorCodes = {
  invalid_request: { status: 400, title: "The request cannot be understood" },
  invalid_input: { status: 422, title: "The input is not valid" },
  invalid_json: { status: 400, title: "The request body is not JSON" },
  invalid_schedule: { status: 422, title: "The schedule cannot be read" },
  invalid_policy: { status: 422, title: "The policy cannot be used" },
  invalid_cursor: { status: 422, title: "The cursor is not one of ours" },
  unauthenticated: { status: 401, title: "No valid token" },
  bound_exceeded: { status: 403, title: "Beyond the bounds of the key" },
  policy_denied: { status: 403, title: "Denied by a policy" },
  approval_required: { status: 403, title: "Somebody has to approve this call" },
  forbidden: { status: 403, title: "Not allowed" },
  not_found: { status: 404, title: "Not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  not_acceptable: { status: 406, title: "No acceptable form of answer" },
  request_timeout: { status: 408, title: "The request did not come to its end in time" },
  conflict: { status: 409, title: "Conflict with the current state" },
  idempotency_key_reuse: { status: 409, title: "The idempotency key was used for something else" },
  idempotency_in_progress: { status: 409, title: "A request with this idempotency key is under way" },
  key_deleted: { status: 409, title: "The job with this key was deleted" },
  payload_too_large: { status: 413, title: "The request is too large" },
  unsupported_media_type: { status: 415, title: "Unsupported content type" },
  expectation_failed: { status: 417, title: "The expectation is not known" },
  headers_too_large: { status: 431, title: "The headers are too large" },
  rate_limited: { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "Something went wrong on our side" },
  unavailable: { status: 503, title: "Not available right now" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** One of the things that are wrong with an input. */
export interface Mistake {
  /** A dotted path; absent where the input as a whole is meant. */
  field?: string;
  detail: string;
  hint: string;
}

export interface ErrorDetails {
  /** What to do next, with an example to copy. */
  hint: string;
  /** The input field at fault, as a dotted path. */
  field?: string;
  /** Everything that is wrong with the input, the error itself first. */
  errors?: Mistake[];
  retryAfterSeconds?: number;
  /** The rule of a policy that is in the way, with its line, and what it says. */
  rule?: string;
  reason?: string;
  /** Where the error came from another server: the id under which that server's log knows it. */
  requestId?: string;
  cause?: unknown;
}

/** The one error a caller meets, whichever face it came through. `detail` and `hint` never hold a secret. */
export class SchedulerError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly field: string | undefined;
  readonly errors: Mistake[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly rule: string | undefined;
  readonly reason: string | undefined;
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, detail: string, details: ErrorDetails) {
    super(detail, { cause: details.cause });
    this.name = "SchedulerError";
    this.code = code;
    this.hint = details.hint;
    this.field = details.field;
    this.errors = details.errors;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.rule = details.rule;
    this.reason = details.reason;
    this.requestId = details.requestId;
  }
}

/** An error on the wire: `application/problem+json` over REST, the text of an `isError` result over MCP. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  hint: string;
  field?: string;
  errors?: Mistake[];
  retry_after_seconds?: number;
  rule?: string;
  reason?: string;
  request_id: string;
}

/**
 * Turns whatever was thrown into a problem. What is not a SchedulerError shows nothing of itself. An error that
 * another server answered with keeps that server's request id.
 */
export function toProblem(error: unknown, requestId: string): Problem {
  const known =
    error instanceof SchedulerError
      ? error
      : new SchedulerError("internal", "The request could not be carried out.", {
          hint: `Try again; if it happens again, look for request_id ${requestId} in the server's log.`,
        });
  const { status, title } = errorCodes[known.code];
  return {
    type: `urn:scheduler:error:${known.code}`,
    title,
    status,
    detail: known.message,
    code: known.code,
    hint: known.hint,
    ...(known.field === undefined ? {} : { field: known.field }),
    ...(known.errors === undefined ? {} : { errors: known.errors }),
    ...(known.retryAfterSeconds === undefined ? {} : { retry_after_seconds: known.retryAfterSeconds }),
    ...(known.rule === undefined ? {} : { rule: known.rule }),
    ...(known.reason === undefined ? {} : { reason: known.reason }),
    request_id: known.requestId ?? requestId,
  };
}

/** Reads a problem back into the error it was; the client's half of `toProblem`. */
export function fromProblem(problem: Problem): SchedulerError {
  // A newer server may know codes that we do not.
  const code = Object.hasOwn(errorCodes, problem.code) ? problem.code : "internal";
  return new SchedulerError(code, problem.detail, {
    hint: problem.hint,
    requestId: problem.request_id,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
    ...(problem.rule === undefined ? {} : { rule: problem.rule }),
    ...(problem.reason === undefined ? {} : { reason: problem.reason }),
    ...(problem.retry_after_seconds === undefined ? {} : { retryAfterSeconds: problem.retry_after_seconds }),
  });
}
