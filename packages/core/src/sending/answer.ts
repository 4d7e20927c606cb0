import type { AttemptErrorCode, AttemptStatus } from "@org/scheduler-contract";
import type { Hidden } from "../secrets/hidden.ts";

export interface OutgoingRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | null;
  timeoutMs: number;
  /** What of it must not be seen in what comes back. */
  hidden?: readonly Hidden[];
  /** To where its answers lead, a few times. Without it, a redirect is an answer like any other. */
  followRedirects?: boolean;
  /** The headers that sign a request; a redirect within its origin is signed anew, since its path is another one. */
  sign?: (request: Pick<OutgoingRequest, "method" | "url" | "body">) => Record<string, string>;
}

/** How a request ended; `error` may hold texts of the other side, as long as those are. */
export interface Verdict {
  status: AttemptStatus;
  errorCode: AttemptErrorCode | null;
  error: string | null;
}

/** What came of one HTTP request, as it came. */
export interface RawAnswer extends Verdict {
  statusCode: number | null;
  latencyMs: number;
  /** Null where no answer came. */
  headers: Record<string, string | string[] | undefined> | null;
  chunks: Buffer[];
  /** There was more of the body than is kept. */
  truncated: boolean;
  /** Where the last request went, if a redirect led there. */
  redirectedTo: RedirectTarget | null;
}

export interface RedirectTarget {
  method: string;
  url: string;
}

/** By names in lower case; several cookies are several. */
export type AnswerHeaders = Record<string, string | string[]>;

/**
 * What came of a request, as it is judged. An answer of any status is `succeeded` here. Headers and body are as they came:
 * `toldOf` makes of them what may be stored and shown.
 */
export interface Answer extends Verdict {
  statusCode: number | null;
  latencyMs: number;
  headers: AnswerHeaders | null;
  body: string | null;
  /** What the body is: text, or, where it is none, its bytes in base64. */
  encoding: "text" | "base64";
  truncated: boolean;
  redirectedTo: RedirectTarget | null;
  /** What must not be seen of headers and body. */
  hidden: readonly Hidden[];
  /** It was not sent, and must not be for so long. */
  heldBackMs?: number;
}

export interface Sending<A = Answer> {
  /** Never rejects: whatever goes wrong is an answer too. */
  answer: Promise<A>;
  /** Ends the request now; nothing happens when it is over already. */
  abort(reason: "canceled" | "interrupted"): void;
}
