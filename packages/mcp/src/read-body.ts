import type { IncomingMessage } from "node:http";
import { SchedulerError } from "@org/scheduler-contract";
import { isJsonContentType } from "@modelcontextprotocol/server";

/** What a request may weigh, in bytes. */
const maxRequestBytes = 1024 * 1024;

/** Reads a request's body as JSON, up to a limit. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!isJsonContentType(request.headers["content-type"] ?? null)) {
    throw new SchedulerError("unsupported_media_type", "The body is not announced as JSON.", {
      hint: "Send the header Content-Type: application/json.",
    });
  }
  const bytes = await readBytes(request);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw notJson("The body is not JSON in UTF-8.");
  }
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Left open, so that a body that is too large can still be answered.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxRequestBytes) break;
      chunks.push(chunk as Buffer);
    }
  } catch {
    throw notJson("The body broke off.");
  }
  if (bytes > maxRequestBytes) throw tooLarge();
  return Buffer.concat(chunks);
}

function notJson(detail: string): SchedulerError {
  return new SchedulerError("invalid_json", detail, {
    hint: 'Send one JSON-RPC message, such as {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}.',
  });
}

function tooLarge(): SchedulerError {
  return new SchedulerError("payload_too_large", "The request body is larger than 1 MB.", {
    hint: "Send less: a job's own body may have 256 KB; put larger data where the target can fetch it.",
  });
}
