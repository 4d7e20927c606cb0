import { randomUUID } from "node:crypto";
import { type IncomingMessage, type RequestListener, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, SchedulerError, toProblem } from "@org/scheduler-contract";
import { headersOf } from "./problem.ts";

/** What Node's parser refuses by itself, with a status alone: here it is told like every other error. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
  // An answer that has begun can be given no other ending; nobody hears one on a connection that is gone.
  const { _httpMessage: begun } = socket as Duplex & { _httpMessage?: { _headerSent?: boolean } };
  if (error.code === "ECONNRESET" || !socket.writable || begun?._headerSent)
    return void socket.destroy(error);
  const [code, detail, hint] = causes[error.code ?? ""] ?? malformed;
  const { status, body, headers } = answerTo(refusal(code, detail, hint));
  const lines = Object.entries({ ...headers, Connection: "close" }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, "", body].join("\r\n"));
}

type Cause = [code: ErrorCode, detail: string, hint: string];

const malformed: Cause = [
  "invalid_request",
  "This is no HTTP/1.1 request that can be understood.",
  "Check the request line, the headers and the length of the body; curl and every HTTP client write them right.",
];
const causes: Record<string, Cause> = {
  HPE_HEADER_OVERFLOW: [
    "headers_too_large",
    "The headers are larger than 16 KB.",
    "Send fewer or shorter headers; what is long belongs into the body.",
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    "payload_too_large",
    "The chunks of the body carry too many extensions.",
    "Send the body with a Content-Length, or in plain chunks.",
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "request_timeout",
    "The request did not come to its end in time.",
    "Send the headers within 15 s and the whole request within 30 s, on a new connection.",
  ],
};

export function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const hint = "Leave the header Expect out, or send Expect: 100-continue.";
  answer(
    response,
    refusal("expectation_failed", "The header Expect asks for what this server does not know.", hint),
  );
}

/** Of these a request has one: with two, a proxy in front may have gone by the other. */
const single = ["host", "authorization", "content-type", "content-length"];

/** Lets nothing through whose headers two servers could read in two ways. */
export function withSoundHeaders(listener: RequestListener): RequestListener {
  return (request, response) => {
    const flaw = flawOf(request);
    if (flaw === undefined) return listener(request, response);
    answer(response, refusal("invalid_request", ...flaw));
  };
}

function flawOf({
  rawHeaders,
  headers,
  httpVersion,
  url = "",
}: IncomingMessage): [string, string] | undefined {
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const twice = single.find((name) => names.indexOf(name) !== names.lastIndexOf(name));
  if (twice !== undefined) return [`The header ${twice} is given twice.`, `Send ${twice} once.`];
  if (httpVersion === "1.1" && headers.host === undefined)
    return ["The header Host is missing.", "Send the name of this server as Host; every HTTP client does."];
  if (!url.startsWith("/") && url !== "*")
    return [
      "The request line names more than a path.",
      "Ask this server for a path such as /v1/jobs: it is no proxy.",
    ];
  return undefined;
}

function refusal(code: ErrorCode, detail: string, hint: string): SchedulerError {
  return new SchedulerError(code, detail, { hint });
}

function answerTo(error: SchedulerError): { status: number; body: string; headers: Record<string, string> } {
  const requestId = randomUUID();
  const problem = toProblem(error, requestId);
  const body = JSON.stringify(problem);
  return {
    status: problem.status,
    body,
    headers: { ...headersOf(problem, body), "X-Request-Id": requestId },
  };
}

/** What is left of the request is not worth reading. */
function answer(response: ServerResponse, error: SchedulerError): void {
  const { status, body, headers } = answerTo(error);
  response.writeHead(status, { ...headers, Connection: "close" }).end(body);
}
