import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { toPublicId } from "../ids.ts";
import type { Answer } from "../sending/answer.ts";
import type { StartedExecution } from "../executions/life.sql.ts";

const tracer = trace.getTracer("scheduler");

/**
 * An OpenTelemetry span around an attempt; without a registered SDK it costs next to nothing. It carries ids and
 * outcomes, never the URL, headers or bodies. Call what it answers with what came of the attempt.
 */
export function spanOfAttempt(execution: StartedExecution): (answer: Answer) => void {
  const span = tracer.startSpan("scheduler.attempt", { kind: SpanKind.CLIENT });
  // Ids cost time to write out.
  if (!span.isRecording()) return () => {};
  span.setAttributes({
    "scheduler.job_id": toPublicId("job", execution.job_id),
    "scheduler.execution_id": toPublicId("exec", execution.id),
    "scheduler.attempt": execution.attempt_count,
    "http.request.method": execution.method,
  });
  return ({ status, statusCode, errorCode }) => {
    span.setAttribute("scheduler.status", status);
    if (statusCode !== null) span.setAttribute("http.response.status_code", statusCode);
    if (errorCode !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: errorCode });
    span.end();
  };
}
