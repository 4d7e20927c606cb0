import { createHmac } from "node:crypto";

/** What of a request is signed. */
export interface Signable {
  deliveryId: string;
  attempt: number;
  /** Seconds since 1970. */
  timestamp: number;
  method: string;
  /** With its query, as it is sent. */
  path: string;
  body: string | null;
}

/** The headers that only a signature sets. */
export const signatureHeaderNames = [
  "sched-signature",
  "webhook-id",
  "webhook-timestamp",
  "webhook-signature",
] as const;

/**
 * The signature headers of a request: our own, which covers method and path too, and those of Standard Webhooks
 * (https://www.standardwebhooks.com). One signature for each key; none without keys.
 */
export function signatureHeaders(keys: readonly Buffer[], request: Signable): Record<string, string> {
  if (keys.length === 0) return {};
  const { deliveryId, attempt, timestamp, method, path } = request;
  const body = request.body ?? "";
  const own = `${timestamp}.${deliveryId}.${attempt}.${method}.${path}.${body}`;
  const standard = `${deliveryId}.${timestamp}.${body}`;
  const sign = (key: Buffer, text: string) => createHmac("sha256", key).update(text);
  return {
    "sched-signature": [`t=${timestamp}`, ...keys.map((key) => `v1=${sign(key, own).digest("hex")}`)].join(
      ",",
    ),
    "webhook-id": deliveryId,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": keys.map((key) => `v1,${sign(key, standard).digest("base64")}`).join(" "),
  };
}
