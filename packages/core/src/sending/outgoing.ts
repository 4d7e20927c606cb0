import { signatureHeaderNames, signatureHeaders } from "../signing/signature.ts";
import type { Hidden } from "../secrets/hidden.ts";
import type { OutgoingRequest } from "./answer.ts";

const userAgent = "scheduler/0.1";

/** Who sends what about which slot: the same for a job's request and for what is told about it. */
export interface Message {
  deliveryId: string;
  attempt: number;
  /** Null where it is about no job. */
  jobId: string | null;
  scheduledFor: Date;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | null;
  timeoutMs: number;
  followRedirects: boolean;
  /** What must not be seen of it. */
  hidden?: readonly Hidden[];
}

/**
 * A request as it leaves: the headers of its own, then those that tell the receiver which delivery this is, signed with
 * each of `keys`. `Idempotency-Key` is the same on every attempt, and the sender's own where `headers` set one. */
export function toSigned(sent: Message, now: Date, keys: readonly Buffer[]): OutgoingRequest {
  const { deliveryId, attempt, method, url, body, timeoutMs, followRedirects, hidden } = sent;
  const own = Object.entries(sent.headers).map(([name, value]) => [name.toLowerCase(), value]);
  const timestamp = Math.floor(now.getTime() / 1000);
  const headers: Record<string, string> = {
    "user-agent": userAgent,
    "idempotency-key": deliveryId,
    ...(Object.fromEntries(own) as Record<string, string>),
    "sched-delivery-id": deliveryId,
    "sched-attempt": String(attempt),
    "sched-timestamp": String(timestamp),
    ...(sent.jobId !== null && { "x-cron-service-job-id": sent.jobId }),
    "x-cron-service-scheduled-for": sent.scheduledFor.toISOString(),
  };
  // Whatever is stored, a request that is not signed must not look as if it were.
  for (const name of signatureHeaderNames) delete headers[name];
  const request = { method, url, headers, body, timeoutMs, followRedirects, ...(hidden && { hidden }) };
  if (keys.length === 0) return request;
  const sign: OutgoingRequest["sign"] = (signed) => {
    const { pathname, search } = new URL(signed.url);
    const { method, body } = signed;
    return signatureHeaders(keys, { deliveryId, attempt, timestamp, method, path: pathname + search, body });
  };
  return { ...request, headers: { ...headers, ...sign(request) }, sign };
}
