import { isUtf8 } from "node:buffer";
import type { RawAnswer } from "./answer.ts";

/** The value of a header, those of several joined (RFC 9110 §5.3). `name` is in lower case. */
export function headerOf(headers: RawAnswer["headers"], name: string): string | undefined {
  const value = headers?.[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/**
 * Reads headers as they are written: undici reads bytes as Latin-1, many send UTF-8, and whatever is valid UTF-8 is hardly
 * ever meant as something else.
 */
export function asWritten(headers: NonNullable<RawAnswer["headers"]>): NonNullable<RawAnswer["headers"]> {
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === "string") {
      if (isBeyondAscii(value)) headers[name] = fromBytes(value);
    } else if (value) headers[name] = value.map(fromBytes);
  }
  return headers;
}

function isBeyondAscii(text: string): boolean {
  return /[\x80-\xff]/.test(text);
}

function fromBytes(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  return isUtf8(bytes) ? bytes.toString() : text;
}
