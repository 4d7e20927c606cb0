import type { Agent, Dispatcher } from "undici";
import type { OutgoingRequest, RawAnswer, Sending, Verdict } from "./answer.ts";
import { asWritten } from "./header.ts";
import { classify } from "./classify.ts";
import { maxBodyBytes } from "./decode.ts";
import { LookupError, type Resolver } from "./resolver.ts";

/** What is kept, and what a coding adds to what it cannot make smaller; the rest of an answer is not even read. */
const maxPackedBytes = maxBodyBytes + 1024;

const succeeded = { status: "succeeded", errorCode: null, error: null } as const;

/** Sends one request, within its timeout. */
export function attempt(
  { agent, resolver }: { agent: Agent; resolver: Resolver },
  request: OutgoingRequest,
): Sending<RawAnswer> {
  const { promise, resolve } = Promise.withResolvers<RawAnswer>();
  const begun = performance.now();
  const chunks: Buffer[] = [];
  let size = 0;
  let limit = maxBodyBytes;
  let statusCode: number | null = null;
  let headers: RawAnswer["headers"] = null;
  let controller: Dispatcher.DispatchController | undefined;
  let over = false;

  const end = (verdict: Verdict, truncated = false): void => {
    if (over) return;
    over = true;
    clearTimeout(deadline);
    resolve({
      ...verdict,
      statusCode,
      latencyMs: performance.now() - begun,
      headers,
      chunks,
      truncated,
      redirectedTo: null,
    });
    if (verdict.status === "succeeded" && !truncated) return;
    controller?.abort(new Error(verdict.error ?? "enough was read"));
  };
  const deadline = setTimeout(() => {
    const { hostname } = new URL(request.url);
    if (controller === undefined && resolver.isAwaited(hostname)) {
      const why = `within ${request.timeoutMs} ms: its name servers do not answer.`;
      return end(classify(new LookupError(`${hostname} could not be resolved ${why}`)));
    }
    end({ status: "timeout", errorCode: "timeout", error: `No full answer within ${request.timeoutMs} ms.` });
  }, request.timeoutMs);

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(given) {
      controller = given;
      // The deadline may have passed while the request waited for its connection: it must not leave any more.
      if (over) given.abort(new Error("too late"));
    },
    onResponseStart(_, status, fields) {
      if (status < 200) return;
      statusCode = status;
      headers = asWritten(fields);
      limit = "content-encoding" in fields ? maxPackedBytes : maxBodyBytes;
    },
    onResponseData(_, chunk) {
      const room = limit - size;
      chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
      size += Math.min(chunk.length, room);
      if (chunk.length > room) end(succeeded, true);
    },
    onResponseEnd: () => end(succeeded),
    onResponseError: (_, error) => end(classify(error)),
  };
  try {
    const url = new URL(request.url);
    agent.dispatch(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: request.method,
        headers: request.headers,
        body: request.body,
      },
      handler,
    );
  } catch (error) {
    end(classify(error as Error));
  }
  return {
    answer: promise,
    abort(reason) {
      const error =
        reason === "canceled" ? "The execution was canceled." : "The worker stopped before an answer came.";
      end({ status: reason, errorCode: reason === "canceled" ? "canceled" : "worker_lost", error });
    },
  };
}
