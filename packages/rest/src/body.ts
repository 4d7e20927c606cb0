import { SchedulerError } from "@org/scheduler-contract";
import express from "express";
import type { Request, Response } from "express";

const readBytes = express.raw({ limit: "1mb", type: () => true });

/** The fields of a JSON body; none when the body is empty. */
export async function readBody(request: Request, response: Response): Promise<Record<string, unknown>> {
  // A parser in front of us has its own limits and errors, and its leftovers look like an empty body.
  if (request.body !== undefined) throw new Error("a body parser runs in front of the REST router");
  const bytes = await receive(request, response);
  if (bytes.length === 0) return {};
  if (!request.is(["json", "+json"])) throw unsupportedMediaType(request);
  const value = parseJson(bytes);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new SchedulerError("invalid_input", "The body is JSON, but not an object.", {
    hint: 'Send one JSON object, such as {"name": "nightly report"}; /openapi.json lists its fields.',
  });
}

function receive(request: Request, response: Response): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readBytes(request, response, (error?: unknown) => {
      if (error !== undefined) reject(bodyError(error));
      else resolve(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
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

function unsupportedMediaType(request: Request): SchedulerError {
  const given = request.get("Content-Type") ?? "no Content-Type";
  return new SchedulerError("unsupported_media_type", `The body came with ${given.slice(0, 100)}.`, {
    hint: "Send JSON with the header Content-Type: application/json.",
  });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const where = error instanceof SyntaxError ? positionOf(error) : ": it is not UTF-8";
    throw new SchedulerError("invalid_json", `The body is not JSON${where}.`, {
      hint: 'Send one JSON object, such as {"name": "nightly report"}, with double quotes and no trailing commas.',
    });
  }
}

/** Only the position: the rest of the message repeats the body, which may hold a secret. */
function positionOf(error: SyntaxError): string {
  const position = /position (\d+)/.exec(error.message)?.[1];
  return position === undefined ? "" : ` from character ${position} on`;
}
