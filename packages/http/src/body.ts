import type { IncomingMessage, ServerResponse } from "node:http";
import { SchedulerError } from "@org/scheduler-contract";
import bodyParser from "body-parser";

/** What a request may weigh once it is unpacked: 1 MB. */
const readRaw = bodyParser.raw({ limit: "1mb", type: () => true });

export interface JsonOptions {
  /** What a face wants, for the hints of errors: "one JSON object, such as …". */
  wants: string;
  /** `JSON.parse`, or what reads more of a text than that does. */
  parse: (text: string) => unknown;
  /** What a body stands for that is YAML or plain text. Absent: such a body is refused. */
  ofText?: (text: string) => unknown;
}

const isJson = /^application\/([\w.-]+\+)?json\s*(;|$)/i;
const isText = /^(application\/(x-)?yaml|text\/(x-)?yaml|text\/plain)\s*(;|$)/i;

/**
 * The JSON of a request's body; undefined where the body is empty. Throws `unsupported_media_type`, `payload_too_large` and
 * `invalid_json`, none of which repeats the body, since that may hold a secret.
 */
export async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  { wants, parse, ofText }: JsonOptions,
): Promise<unknown> {
  const bytes = await receive(request, response);
  if (bytes.length === 0) return undefined;
  const type = request.headers["content-type"] ?? "";
  const isGivenAsText = ofText !== undefined && isText.test(type);
  if (!isJson.test(type) && !isGivenAsText) throw unsupportedMediaType(type || undefined);
  try {
    return (isGivenAsText ? ofText : parse)(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const where = error instanceof SyntaxError ? positionOf(error) : ": it is not UTF-8";
    throw new SchedulerError("invalid_json", `The body is not JSON${where}.`, { hint: `Send ${wants}.` });
  }
}

function receive(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
  // A parser in front of us has its own limits and errors, and its leftovers look like an empty body.
  if ("body" in request && request.body !== undefined)
    throw new Error("a body parser runs in front of the scheduler");
  return new Promise((resolve, reject) => {
    readRaw(request, response, (error?: unknown) => {
      const { body } = request as IncomingMessage & { body?: unknown };
      if (error !== undefined) reject(bodyError(error));
      else resolve(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
    });
  });
}

/** body-parser's errors say what they are in `type`. */
function bodyError(error: unknown): SchedulerError {
  const type = (error as { type?: unknown }).type;
  if (type === "entity.too.large") {
    return new SchedulerError("payload_too_large", "The request body is larger than 1 MB.", {
      hint: "Send less: a job's own body may have 256 KB; put larger data where the target can fetch it.",
    });
  }
  if (type === "encoding.unsupported") {
    return new SchedulerError("unsupported_media_type", "The Content-Encoding of the body is not known.", {
      hint: "Send the body as it is, or with Content-Encoding: gzip.",
    });
  }
  return new SchedulerError("invalid_json", "The request body could not be read to its end.", {
    hint: "Check Content-Length and Content-Encoding, and send the request again.",
    cause: error,
  });
}

function unsupportedMediaType(given = "no Content-Type"): SchedulerError {
  return new SchedulerError("unsupported_media_type", `The body came with ${given.slice(0, 100)}.`, {
    hint: "Send JSON with the header Content-Type: application/json.",
  });
}

/** Only the position: the rest of the message repeats the body. */
function positionOf(error: SyntaxError): string {
  const position = /position (\d+)/.exec(error.message)?.[1];
  return position === undefined ? "" : ` from character ${position} on`;
}
