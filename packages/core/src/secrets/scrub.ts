import { type Hidden, lowerCase, type Needle } from "./hidden.ts";
import { type Escaping, escapings, unescaped, unescapedWithPlaces, unfinished } from "./unescape.ts";

interface Scrubbing {
  /** Its end is missing: what is only the beginning of a value may be there. */
  isCut?: boolean;
  /** In whichever letter case: names of headers and of hosts are written in lower case. */
  anyCase?: boolean;
  /** The text is bytes that were read one by one. */
  isBinary?: boolean;
}

/** An escape may be within another, as JSON within JSON, or a URL within HTML. */
const depth = 3;

/** Whether any of the values is in a text, however it is written. */
export function reveals(text: string, hidden: readonly Hidden[], how: Scrubbing = {}): boolean {
  return layersOf(text).some((layer) => {
    const read = inCase(layer, how);
    return hidden.some((value) => needlesOf(value, how).some((needle) => read.includes(needle.text)));
  });
}

function inCase(text: string, { anyCase }: Scrubbing): string {
  return anyCase ? lowerCase(text) : text;
}

function needlesOf({ needles, lowered, binary }: Hidden, { anyCase, isBinary }: Scrubbing): Needle[] {
  if (isBinary) return binary;
  return anyCase ? lowered : needles;
}

/** Puts `[secret:name]` in the place of values, however they are written. */
export function scrub(text: string, hidden: readonly Hidden[], how: Scrubbing = {}): string {
  if (hidden.length === 0 || text === "") return text;
  // Where nothing is found, which is nearly always, no place in the text has to be known.
  if (!how.isCut && !reveals(text, hidden, how)) return text;
  const sought = soughtAmong(hidden, how);
  const read = (layer: string): string => inCase(layer, how);
  const cutAt = how.isCut ? unfinished.exec(text)!.index : text.length;
  const stretches = [
    ...stretchesIn(text, { sought, read, begun: how.isCut === true }),
    // An escape that is cut off may look like another one.
    ...(cutAt < text.length ? stretchesIn(text.slice(0, cutAt), { sought, read, begun: true }) : []),
  ].map((stretch) => (stretch.end === cutAt ? { ...stretch, end: text.length } : stretch));
  return withoutStretches(text, stretches, cutAt);
}

function layersOf(text: string): string[] {
  if (!escapings.some(({ sign }) => text.includes(sign))) return [text];
  const layers = new Set([text]);
  let last = [text];
  for (let count = 0; count < depth && last.length > 0; count++) {
    const below = last.flatMap((layer) => escapings.flatMap((escaping) => layerBelow(layer, escaping) ?? []));
    last = [...new Set(below)].filter((layer) => !layers.has(layer));
    for (const layer of last) layers.add(layer);
  }
  return [...layers];
}

function layerBelow(text: string, escaping: Escaping): string | undefined {
  if (!text.includes(escaping.sign)) return undefined;
  const next = unescaped(text, escaping);
  return next === text ? undefined : next;
}

interface Sought {
  mark: string;
  needle: Needle;
}

function soughtAmong(hidden: readonly Hidden[], how: Scrubbing): Sought[] {
  return hidden.flatMap((value) => needlesOf(value, how).map((needle) => ({ mark: value.mark, needle })));
}

/** A part of the text that goes. */
interface Stretch {
  begin: number;
  end: number;
  mark: string;
}

interface Looking {
  sought: Sought[];
  read: (layer: string) => string;
  /** Also for what a value begins with, at the end. */
  begun: boolean;
}

function stretchesIn(text: string, looking: Looking, left = depth): Stretch[] {
  const { sought, read, begun } = looking;
  const layer = read(text);
  const here = [...wholeIn(layer, sought), ...(begun ? begunIn(layer, sought) : [])];
  if (left === 0) return here;
  const below = escapings.flatMap((escaping) => {
    if (layerBelow(text, escaping) === undefined) return [];
    const { text: next, places } = unescapedWithPlaces(text, escaping);
    return stretchesIn(next, looking, left - 1).map(({ begin, end, mark }) => ({
      begin: places[begin]!,
      end: places[end]!,
      mark,
    }));
  });
  return [...here, ...below];
}

const base64 = /[A-Za-z0-9+/_-]/;

function wholeIn(text: string, sought: Sought[]): Stretch[] {
  return sought.flatMap(({ mark, needle }) => {
    const found: Stretch[] = [];
    for (let at = text.indexOf(needle.text); at !== -1; at = text.indexOf(needle.text, at + 1))
      found.push({ ...withNeighbours(text, needle, { begin: at, end: at + needle.text.length }), mark });
    return found;
  });
}

/** The characters of base64 that hold some bits of a value, and what fills its end up. */
function withNeighbours(
  text: string,
  { before, after, isBase64 }: Needle,
  { begin, end }: { begin: number; end: number },
): { begin: number; end: number } {
  const first = before > 0 && base64.test(text[begin - 1] ?? "") ? begin - 1 : begin;
  let last = after > 0 && base64.test(text[end] ?? "") ? end + 1 : end;
  while (isBase64 && text[last] === "=") last += 1;
  return { begin: first, end: last };
}

/** Of each value, what of it is the end of the text, whether or not an escape that is cut off is part of it. */
function begunIn(text: string, sought: Sought[]): Stretch[] {
  const ends = [...new Set([text.length, unfinished.exec(text)!.index])];
  return sought.flatMap(({ mark, needle }) =>
    ends.flatMap((end) => {
      const begin = beginningOf(text.slice(0, end), needle.text);
      if (begin === undefined) return [];
      return [{ begin: withNeighbours(text, needle, { begin, end }).begin, end: text.length, mark }];
    }),
  );
}

/** Where the longest end of a text begins that a value begins with. */
function beginningOf(text: string, value: string): number | undefined {
  for (let begin = Math.max(0, text.length - value.length + 1); begin < text.length; begin++)
    if (text[begin] === value[0] && value.startsWith(text.slice(begin))) return begin;
  return undefined;
}

function withoutStretches(text: string, stretches: Stretch[], cutAt: number): string {
  const parts: string[] = [];
  let at = 0;
  for (const { begin, end, mark } of stretches.toSorted(
    (one, other) => one.begin - other.begin || other.end - one.end,
  )) {
    // Two values overlap, or one is written in several ways at once.
    if (begin >= at) parts.push(text.slice(at, Math.max(at, Math.min(begin, cutAt))), mark);
    at = Math.max(at, end);
  }
  // What could have become an escaped character of a value is not worth a risk.
  return [...parts, text.slice(at, Math.max(at, cutAt))].join("");
}
