import type { Answer } from "./answer.ts";

const verdicts = {
  canceled: { status: "canceled", errorCode: "canceled", error: "The execution was canceled." },
  interrupted: {
    status: "interrupted",
    errorCode: "worker_lost",
    error: "The worker stopped before the request was sent.",
  },
  // Handed back: whoever has it by then sends it.
  unsure: {
    status: "interrupted",
    errorCode: "worker_lost",
    error: "The worker had not reached the database for so long that another could have taken this over.",
  },
  // Handed back, and then there is no time left for another attempt.
  expired: {
    status: "interrupted",
    errorCode: "worker_lost",
    error: "Its time to live ran out before a slot was free.",
  },
  mail: { status: "connection_error", errorCode: "connection", error: "The mail server cannot be reached." },
  gone: { status: "connection_error", errorCode: "gone", error: "The channel is not there any more." },
  muted: { status: "connection_error", errorCode: "circuit_open", error: "The channel is muted." },
  invalid_request: {
    status: "connection_error",
    errorCode: "invalid_request",
    error: "The request could not be made from what is stored.",
  },
  circuit_open: { status: "connection_error", errorCode: "circuit_open", error: "The host does not answer." },
  secrets: {
    status: "blocked",
    errorCode: "secret_missing",
    error: "The secrets could not be read, and nothing is sent without them; the worker's log says why.",
  },
  signing: {
    status: "connection_error",
    errorCode: "signing",
    error: "The signing secrets could not be read, and nothing is sent unsigned; the worker's log says why.",
  },
} as const;

/** What came of a request that never left. */
export function unsent(why: keyof typeof verdicts): Answer {
  return {
    ...verdicts[why],
    statusCode: null,
    latencyMs: 0,
    headers: null,
    body: null,
    encoding: "text",
    truncated: false,
    redirectedTo: null,
    hidden: [],
  };
}

/** What came of a request that a secret is missing to. */
export function withoutSecret(error: string): Answer {
  return { ...unsent("secrets"), error };
}

/** What came of a request that was held back, since its host does not answer. `asked` says what it did not answer. */
export function heldBack(
  host: string,
  { untilMs, failures }: { untilMs: number; failures: number },
  { now, asked = "requests" }: { now: Date; asked?: "requests" | "callbacks" | "notifications" },
): Answer {
  const until = new Date(untilMs).toISOString();
  return {
    ...unsent("circuit_open"),
    error: `${host} has not answered the last ${failures} ${asked}; the next probe is at ${until}.`,
    heldBackMs: untilMs - now.getTime(),
  };
}
