import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** A request as a receiver got it. */
export interface ReceivedRequest {
  headers: IncomingHttpHeaders | Headers;
  method: string;
  /** With its query, exactly as it was asked for: `request.url`, in Express `request.originalUrl`. */
  path: string;
  /** The bytes as they came, before anything parsed them. */
  body?: string | Uint8Array;
}

export interface VerifyOptions {
  /** How far the request's time may be from now, in seconds. 300 unless told. */
  toleranceSeconds?: number;
  /** For tests. */
  now?: Date;
}

/** Which delivery a verified request is; its id is the same on every attempt. */
export interface VerifiedDelivery {
  deliveryId: string;
  attempt: number;
  timestamp: Date;
}

export type SignatureProblem = "missing" | "malformed" | "too_old" | "too_new" | "no_match";

/** A request that must not be trusted, and why: answer it with 401. */
export class SignatureError extends Error {
  readonly problem: SignatureProblem;

  constructor(problem: SignatureProblem, message: string) {
    super(message);
    this.name = "SignatureError";
    this.problem = problem;
  }
}

/**
 * Makes sure that a request comes from the scheduler, unchanged and just now: its `Sched-Signature` must fit one of
 * the secrets (`whsec_…`). Throws SignatureError where it does not, TypeError where a secret cannot be one.
 */
export function verifySignature(
  request: ReceivedRequest,
  secrets: string | readonly string[],
  { toleranceSeconds = 300, now = new Date() }: VerifyOptions = {},
): VerifiedDelivery {
  // Without types, a setting that is not set comes as undefined.
  const given = (typeof secrets === "string" ? [secrets] : secrets) as readonly string[] | undefined;
  const keys = (given ?? []).map(toKey);
  if (keys.length === 0) throw new TypeError("Give at least one signing secret, such as whsec_…");
  const deliveryId = header(request.headers, "sched-delivery-id");
  const attempt = header(request.headers, "sched-attempt");
  const { timestamp, signatures } = parse(header(request.headers, "sched-signature"));
  if (timestamp !== header(request.headers, "sched-timestamp")) {
    throw new SignatureError("malformed", "Sched-Timestamp and Sched-Signature give different times.");
  }
  const age = now.getTime() / 1000 - Number(timestamp);
  if (age > toleranceSeconds) {
    throw new SignatureError("too_old", `The request was signed more than ${toleranceSeconds} seconds ago.`);
  }
  if (age < -toleranceSeconds) {
    throw new SignatureError("too_new", "The request was signed in the future: check this machine's clock.");
  }
  const signed = [timestamp, deliveryId, attempt, request.method.toUpperCase(), request.path, ""].join(".");
  const expected = keys.map((key) =>
    createHmac("sha256", key)
      .update(signed)
      .update(request.body ?? "")
      .digest(),
  );
  // Every pair is compared, so that the time it takes tells nothing about which one fits.
  const fits = signatures.flatMap((given) => expected.map((own) => timingSafeEqual(given, own)));
  if (!fits.includes(true)) {
    throw new SignatureError(
      "no_match",
      "The signature fits none of the secrets, or the request was changed.",
    );
  }
  return { deliveryId, attempt: Number(attempt), timestamp: new Date(Number(timestamp) * 1000) };
}

/** The message never holds the secret: it may end up in a log. */
function toKey(secret: string): Buffer {
  const base64 = /^whsec_([A-Za-z0-9+/]{32,}={0,2})$/.exec(secret)?.[1];
  if (base64 === undefined)
    throw new TypeError("A signing secret is whsec_ and base64, as it was shown once.");
  return Buffer.from(base64, "base64");
}

function header(headers: IncomingHttpHeaders | Headers, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value === "string" && value !== "") return value;
  throw new SignatureError("missing", `The request has no ${name} header.`);
}

/** Unknown parts are passed over: a later version may add some. */
function parse(signature: string): { timestamp: string; signatures: Buffer[] } {
  const parts = signature.split(",").map((part) => part.trim());
  const timestamp = parts
    .map((part) => /^t=(\d{1,12})$/.exec(part)?.[1])
    .find((value) => value !== undefined);
  const signatures = parts.flatMap((part) => {
    const hex = /^v1=([0-9a-f]{64})$/.exec(part)?.[1];
    return hex === undefined ? [] : [Buffer.from(hex, "hex")];
  });
  if (timestamp !== undefined && signatures.length > 0) return { timestamp, signatures };
  throw new SignatureError("malformed", "Sched-Signature does not look like t=1772366400,v1=…");
}
