import { isUtf8 } from "node:buffer";
import { decodeHTML } from "entities/decode";

/** What is written in another way in URLs, in JSON and other strings of programs, and in HTML, in any letter case. */
const escapes =
  /(?:%[0-9a-f]{2})+|\\u\{[0-9a-f]{1,6}\}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\["'\\/bfnrt]|&(?:#x[0-9a-f]{1,6}|#\d{1,7}|[a-z][a-z0-9]{1,30});?/gi;

/** The beginning of an escape whose end is missing, or of a character of several bytes. */
export const unfinished =
  /[\x80-\xff]{0,3}(?:%[0-9a-f]?|\\(?:u(?:\{[0-9a-f]{0,6}|[0-9a-f]{0,3})|x[0-9a-f]?)?|&[#a-z0-9]{0,31})?$/i;

export function mayBeEscaped(text: string): boolean {
  return text.includes("%") || text.includes("\\") || text.includes("&");
}

/** A text without its escapes. */
export function unescaped(text: string): string {
  return text.replace(escapes, (escape) => charactersOf(escape).join(""));
}

/** The same, with the place in `text` of each of its characters, and that of the end. */
export function unescapedWithPlaces(text: string): { text: string; places: Uint32Array } {
  const parts: string[] = [];
  const places = new Uint32Array(text.length + 1);
  let at = 0;
  let read = 0;
  const copy = (end: number): void => {
    parts.push(text.slice(read, end));
    while (read < end) places[at++] = read++;
  };
  for (const { 0: escape, index } of text.matchAll(escapes)) {
    copy(index);
    const characters = charactersOf(escape);
    const width = escape.length / characters.length;
    for (const [nth, character] of characters.entries()) {
      for (let unit = 0; unit < character.length; unit++) places[at++] = index + Math.floor(nth * width);
      parts.push(character);
    }
    read = index + escape.length;
  }
  copy(text.length);
  places[at] = text.length;
  return { text: parts.join(""), places: places.subarray(0, at + 1) };
}

const short: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function charactersOf(escape: string): string[] {
  if (escape.startsWith("%")) return percentDecoded(escape);
  if (escape.startsWith("&")) {
    const decoded = decodeHTML(escape);
    return [decoded === escape ? decodeHTML(escape.toLowerCase()) : decoded];
  }
  const code = /^\\[ux]\{?([0-9a-f]+)\}?$/i.exec(escape)?.[1];
  if (code !== undefined) return [fromCode(parseInt(code, 16))];
  return [short[escape[1]!.toLowerCase()] ?? escape[1]!];
}

function fromCode(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "\uFFFD";
}

/** A character that is cut off, and what is no UTF-8 at all, is Latin-1. */
function percentDecoded(run: string): string[] {
  const bytes = Buffer.from(run.replaceAll("%", ""), "hex");
  for (let end = bytes.length; end > Math.max(0, bytes.length - 4); end--) {
    const head = bytes.subarray(0, end);
    if (isUtf8(head)) return [...head.toString(), ...bytes.subarray(end).toString("latin1")];
  }
  return [...bytes.toString("latin1")];
}
