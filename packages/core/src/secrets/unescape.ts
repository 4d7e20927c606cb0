import { isUtf8 } from "node:buffer";
import { decodeHTML } from "entities/decode";

/** One way of writing characters so that they mean nothing where they stand, in any letter case. */
export interface Escaping {
  /** Every escape has this in it. */
  sign: string;
  escapes: RegExp;
  /** The characters that an escape stands for, each for as much of it as the others. */
  read: (escape: string) => string[];
}

const percent: Escaping = { sign: "%", escapes: /(?:%[0-9a-f]{2})+/gi, read: percentDecoded };

const short: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** JSON, and the strings of programming languages. */
const backslash: Escaping = {
  sign: "\\",
  escapes: /\\u\{[0-9a-fA-F]{1,6}\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\["'\\/bfnrt]/g,
  read(escape) {
    const code = /^\\[ux]\{?([0-9a-f]+)\}?$/i.exec(escape)?.[1];
    return [code === undefined ? (short[escape[1]!] ?? escape[1]!) : fromCode(parseInt(code, 16))];
  },
};

const html: Escaping = {
  sign: "&",
  escapes: /&(?:#x[0-9a-f]{1,6}|#\d{1,7}|[a-z][a-z0-9]{1,30});?/gi,
  read(escape) {
    const [, hex, decimal] = /^&#(?:x([0-9a-f]+)|(\d+))/i.exec(escape) ?? [];
    if (hex !== undefined) return [fromCode(parseInt(hex, 16))];
    if (decimal !== undefined) return [fromCode(Number(decimal))];
    const decoded = decodeHTML(escape);
    return [decoded === escape ? decodeHTML(escape.toLowerCase()) : decoded];
  },
};

export const escapings = [percent, backslash, html];

/** The beginning of an escape whose end is missing, or of a character of several bytes. */
export const unfinished =
  /[\x80-\xff]{0,3}(?:%[%0-9a-f]{0,11}|\\{1,4}(?:u(?:\{[0-9a-f]{0,6}|[0-9a-f]{0,3})|x[0-9a-f]?)?|&[#a-z0-9]{0,31})?$/i;

/** A text without its escapes. */
export function unescaped(text: string, { escapes, read }: Escaping): string {
  return text.replace(escapes, (escape) => read(escape).join(""));
}

/** The same, with the place in `text` of each of its characters, and that of the end. */
export function unescapedWithPlaces(
  text: string,
  { escapes, read }: Escaping,
): { text: string; places: Uint32Array } {
  const parts: string[] = [];
  const places: number[] = [];
  let at = 0;
  const copy = (end: number): void => {
    parts.push(text.slice(at, end));
    while (at < end) places.push(at++);
  };
  for (const { 0: escape, index } of text.matchAll(escapes)) {
    copy(index);
    const characters = read(escape);
    const width = escape.length / characters.length;
    for (const [nth, character] of characters.entries()) {
      for (let unit = 0; unit < character.length; unit++) places.push(index + Math.floor(nth * width));
      parts.push(character);
    }
    at = index + escape.length;
  }
  copy(text.length);
  places.push(text.length);
  return { text: parts.join(""), places: Uint32Array.from(places) };
}

/** Half a character too, as they come in pairs. */
function fromCode(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "\uFFFD";
}

/** A character that is cut off, and what is no UTF-8 at all, is Latin-1. */
function percentDecoded(run: string): string[] {
  const bytes = Buffer.from(run.replaceAll("%", ""), "hex");
  for (let end = bytes.length; end > Math.max(0, bytes.length - 4); end--) {
    const head = bytes.subarray(0, end);
    if (isUtf8(head)) return inBytes(head.toString()).concat(latin1(bytes.subarray(end)));
  }
  return latin1(bytes);
}

/** As many entries as the text has bytes, so that each stands for the same length of the run. */
function inBytes(text: string): string[] {
  return text
    .split(/(?:)/u)
    .flatMap((character) => [character, ...Array<string>(Buffer.byteLength(character) - 1).fill("")]);
}

function latin1(bytes: Buffer): string[] {
  return Array.from(bytes, (byte) => String.fromCharCode(byte));
}
