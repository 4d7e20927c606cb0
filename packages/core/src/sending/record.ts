import type { Answer, RawAnswer } from "./answer.ts";

/** Texts of the other side can be in an error (the names in a certificate), and those can be long. */
const maxErrorLength = 500;

/** Makes an answer what is kept of it: the only place where what a target says becomes a record. */
export function toRecord(raw: RawAnswer): Answer {
  const { status, errorCode, error, statusCode, latencyMs, headers, chunks, truncated } = raw;
  return {
    status,
    errorCode,
    error: error === null ? null : storable(error.slice(0, maxErrorLength)),
    statusCode,
    latencyMs,
    headers: headers && plainHeaders(headers),
    body: headers && readText(chunks, status === "succeeded" && !truncated),
    truncated,
  };
}

function plainHeaders(fields: Record<string, string | string[] | undefined>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) plain[name] = storable(Array.isArray(value) ? value.join(", ") : value);
  }
  return plain;
}

/** The kept bytes as text; a character cut in two at the end is left out. */
function readText(chunks: Buffer[], whole: boolean): string {
  if (chunks.length === 0) return "";
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  return storable(new TextDecoder().decode(bytes, { stream: !whole }));
}

/** PostgreSQL holds neither NUL nor half a character in a text, and one such text would fail a whole batch. */
function storable(text: string): string {
  if (text.isWellFormed() && !text.includes("\0")) return text;
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}
