import { isUtf8 } from "node:buffer";
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";

/** How much of a body is kept, packed or unpacked, in bytes of UTF-8. */
export const maxBodyBytes = 64 * 1024;

/** A body as it is judged, stored and shown: as text, or, where it is none, as its bytes in base64. */
export interface Decoded {
  body: string;
  encoding: "text" | "base64";
  truncated: boolean;
}

interface Received {
  bytes: Buffer;
  /** The end of it is missing. */
  truncated: boolean;
  contentType: string | undefined;
}

/** Reads a body by its charset, or by what its bytes say. */
export function readText({ bytes, truncated, contentType }: Received): Decoded {
  const decoder = decoderOf(bytes, contentType);
  const text = decoder?.decode(bytes, { stream: truncated }) ?? asText(bytes, truncated);
  if (text === undefined) return asBytes(bytes, truncated);
  return { ...cutText(storable(text), truncated), encoding: "text" };
}

/** PostgreSQL holds neither NUL nor half a character in a text, and one such text would fail a whole batch. */
export function storable(text: string): string {
  if (text.isWellFormed() && !text.includes("\0")) return text;
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}

/** Three bytes become four characters. */
const maxRawBytes = (maxBodyBytes / 4) * 3;

export function asBytes(bytes: Buffer, truncated: boolean): Decoded {
  const kept = bytes.subarray(0, maxRawBytes);
  return {
    body: kept.toString("base64"),
    encoding: "base64",
    truncated: truncated || kept.length < bytes.length,
  };
}

/** A byte order mark says more than a header does (WHATWG Encoding, "decode"); a label that nobody knows says nothing. */
function decoderOf(
  bytes: Buffer,
  contentType: string | undefined,
): InstanceType<typeof TextDecoder> | undefined {
  const label = markedEncoding(bytes) ?? /;\s*charset\s*=\s*("?)([^";,\s]+)\1/i.exec(contentType ?? "")?.[2];
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label);
  } catch {
    return undefined;
  }
}

function markedEncoding(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
}

/** UTF-8, if need be with replacements; undefined for what is no text at all. A character that is cut off is left out. */
function asText(bytes: Buffer, truncated: boolean): string | undefined {
  const whole = truncated ? bytes.subarray(0, endOfCharacters(bytes)) : bytes;
  const isText = !whole.includes(0) && (isUtf8(whole) || !control.test(whole.toString("latin1")));
  return isText ? whole.toString() : undefined;
}

/** What no text has, in whichever charset. */
// oxlint-disable-next-line no-control-regex -- those are looked for
const control = /[\x00-\x08\x0e-\x1a\x1c-\x1f]/;

/** Where the last whole UTF-8 character ends. */
function endOfCharacters(bytes: Buffer): number {
  let begin = bytes.length - 1;
  while (begin > bytes.length - 4 && begin > 0 && (bytes[begin]! & 0xc0) === 0x80) begin--;
  const first = bytes[begin] ?? 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return length > bytes.length - begin ? begin : bytes.length;
}

/** What decoding made longer than is kept. */
export function cutText(text: string, truncated: boolean): Pick<Decoded, "body" | "truncated"> {
  if (text.length * 3 <= maxBodyBytes || Buffer.byteLength(text) <= maxBodyBytes)
    return { body: text, truncated };
  const bytes = Buffer.from(text).subarray(0, maxBodyBytes);
  return { body: bytes.toString("utf8", 0, endOfCharacters(bytes)), truncated: true };
}

/** The content codings of a header, in the order in which they were applied; empty where there are none. */
export function codingsOf(header: string | undefined): string[] {
  if (header === undefined) return [];
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== "" && name !== "identity");
}

/** More of them than anybody applies; each costs a decoder. */
const maxCodings = 4;
/** What a coding within a coding may unpack to. */
const maxBetween = 1024 * 1024;

/**
 * Takes the codings off a body, a little at a time, and only until there is as much as is kept: a bomb is not unpacked.
 * Undefined where that cannot be done.
 */
export function unpack(packed: Packed, codings: string[]): Promise<Packed | undefined> {
  return oneOfFew(() => unpackAll(packed, codings));
}

async function unpackAll(packed: Packed, codings: string[]): Promise<Packed | undefined> {
  if (codings.length > maxCodings) return undefined;
  let unpacked = packed;
  for (const [index, coding] of codings.toReversed().entries()) {
    const decoder = decoders[coding]?.(unpacked);
    if (!decoder) return undefined;
    const most = index === codings.length - 1 ? maxBodyBytes : maxBetween;
    const next = await drain(decoder, unpacked.bytes, most);
    if (next.broken && next.bytes.length === 0 && !unpacked.truncated) return undefined;
    unpacked = { bytes: next.bytes, truncated: unpacked.truncated || next.more || next.broken };
  }
  return unpacked;
}

interface Packed {
  bytes: Buffer;
  truncated: boolean;
}

const { BROTLI_OPERATION_FLUSH, ZSTD_e_flush, ZSTD_d_windowLogMax, Z_SYNC_FLUSH } = zlib.constants;

/** What has no end is to give what it has. */
const flush = ({ truncated }: Packed) => (truncated ? { finishFlush: Z_SYNC_FLUSH } : {});

const decoders: Readonly<Record<string, (packed: Packed) => Transform | undefined>> = {
  gzip: (packed) => zlib.createGunzip(flush(packed)),
  "x-gzip": (packed) => zlib.createGunzip(flush(packed)),
  deflate: (packed) =>
    isZlib(packed.bytes) ? zlib.createInflate(flush(packed)) : zlib.createInflateRaw(flush(packed)),
  br: ({ truncated }) =>
    zlib.createBrotliDecompress(truncated ? { finishFlush: BROTLI_OPERATION_FLUSH } : {}),
  // Node knows it from 22.15 on. A larger window than 8 MiB is for no content coding (RFC 9659).
  zstd: ({ truncated }) =>
    zlib.createZstdDecompress?.({
      ...(truncated && { finishFlush: ZSTD_e_flush }),
      params: { [ZSTD_d_windowLogMax]: 23 },
    }),
};

/** "deflate" means zlib's format, and many send what is within it. */
function isZlib(bytes: Buffer): boolean {
  return (bytes[0]! & 0x0f) === 8 && bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0;
}

/** Brotli holds 16 MiB for each stream under way: the answers of a whole worker at once would be gigabytes. */
const oneOfFew = atMost(4);

/** Runs work one after the other in so many lanes. */
function atMost(lanes: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let free = lanes;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

function drain(
  decoder: Transform,
  packed: Buffer,
  most: number,
): Promise<{ bytes: Buffer; more: boolean; broken: boolean }> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const end = (broken: boolean): void => {
      decoder.destroy();
      resolve({ bytes: Buffer.concat(chunks).subarray(0, most), more: size > most, broken });
    };
    decoder.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > most) end(false);
    });
    decoder.on("end", () => end(false));
    decoder.on("error", () => end(true));
    decoder.end(packed);
  });
}
