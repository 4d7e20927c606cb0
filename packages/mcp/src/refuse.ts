import type { ServerResponse } from "node:http";
import { toProblem } from "@org/scheduler-contract";
import type { Problem } from "@org/scheduler-contract";
import type { ErrorLog } from "./call-tool.ts";
import { bearerToken } from "./request.ts";

export interface Refusal {
  requestId: string;
  log?: ErrorLog;
}

/** Answers a request that never became a tool call, with the contract's problem. */
export function refuse(response: ServerResponse, error: unknown, { requestId, log }: Refusal): void {
  const problem = transportProblem(toProblem(error, requestId));
  if (problem.status >= 500) log?.error({ err: error, request_id: requestId }, "mcp request failed");
  if (response.headersSent) return void response.destroy();
  response.writeHead(problem.status, headersFor(problem, response));
  response.end(JSON.stringify(problem.code === "invalid_json" ? withParseError(problem) : problem));
}

/** Only the address or a header can be at fault here; 422 would say that the message was understood. */
function transportProblem(problem: Problem): Problem {
  return problem.code === "invalid_input" ? { ...problem, status: 400 } : problem;
}

/** JSON-RPC wants its own error when a message cannot be parsed; a problem may have more members (RFC 9457 §3.2). */
function withParseError(problem: Problem): object {
  return { ...problem, jsonrpc: "2.0", id: null, error: { code: -32700, message: "Parse error" } };
}

function headersFor(
  { code, retry_after_seconds: retryAfter }: Problem,
  response: ServerResponse,
): Record<string, string> {
  return {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    ...(code === "unauthenticated" && { "WWW-Authenticate": challenge(response) }),
    ...(code === "method_not_allowed" && { Allow: "POST" }),
    // What is left of the body is not worth reading.
    ...(code === "payload_too_large" && { Connection: "close" }),
    ...(retryAfter !== undefined && { "Retry-After": String(Math.ceil(retryAfter)) }),
  };
}

/** RFC 6750: the error attribute only when a token was given. */
function challenge({ req }: ServerResponse): string {
  const scheme = 'Bearer realm="scheduler"';
  return bearerToken(req) === undefined ? scheme : `${scheme}, error="invalid_token"`;
}
