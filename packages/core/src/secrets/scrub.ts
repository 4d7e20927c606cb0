import type { Hidden, Needle } from "./hidden.ts";
import { mayBeEscaped, unescaped, unescapedWithPlaces, unfinished } from "./unescape.ts";

interface Scrubbing {
  /** Its end is missing: what is only the beginning of a value may be there. */
  isCut?: boolean;
  /** In whichever letter case: names of headers and of hosts are written in lower case. */
  anyCase?: boolean;
  /** The text is bytes that were read one by one. */
  isBinary?: boolean;
}

/** An escape may be within another, as JSON within JSON. */
const depth = 2;

/** Whether any of the values is in a text, however it is written. */
export function reveals(text: string, hidden: readonly Hidden[]): boolean {
  const layers = layersOf(text);
  return hidden.some(({ needles }) =>
    needles.some((needle) => layers.some((layer) => layer.includes(needle.text))),
  );
}

/** Puts `[secret:name]` in the place of values, however they are written. */
export function scrub(text: string, hidden: readonly Hidden[], how: Scrubbing = {}): string {
  if (hidden.length === 0 || text === "") return text;
  const needles = hidden.flatMap(({ mark, needles: asText, binary }) =>
    (how.isBinary ? binary : asText).map((needle) => ({ mark, needle: inCase(needle, how) })),
  );
  return withoutStretches(text, stretchesIn(text, needles, how), how);
}

function layersOf(text: string): string[] {
  const layers = [text];
  for (let layer = text; layers.length <= depth && mayBeEscaped(layer);) {
    const next = unescaped(layer);
    if (next === layer) break;
    layers.push((layer = next));
  }
  return layers;
}

function inCase(needle: Needle, { anyCase }: Scrubbing): Needle {
  return anyCase ? { ...needle, text: needle.text.toLowerCase() } : needle;
}

interface Sought {
  mark: string;
  needle: Needle;
}

/** A part of the text that goes. */
interface Stretch {
  begin: number;
  end: number;
  mark: string;
}

function stretchesIn(text: string, sought: Sought[], how: Scrubbing): Stretch[] {
  const found: Stretch[] = [];
  let layer = text;
  let placeOf = (at: number): number => at;
  for (let count = 0; ; count++) {
    const read = how.anyCase ? layer.toLowerCase() : layer;
    const whole = wholeIn(read, sought);
    const begun = how.isCut ? begunIn(read, sought) : [];
    for (const { begin, end, mark } of [...whole, ...begun])
      found.push({ begin: placeOf(begin), end: placeOf(end), mark });
    if (count === depth || !mayBeEscaped(layer)) return found;
    const next = unescapedWithPlaces(layer);
    const [before, { places }] = [placeOf, next];
    placeOf = (at) => before(places[at]!);
    layer = next.text;
  }
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

function withNeighbours(
  text: string,
  { before, after }: Needle,
  { begin, end }: { begin: number; end: number },
): { begin: number; end: number } {
  return {
    begin: before > 0 && base64.test(text[begin - 1] ?? "") ? begin - 1 : begin,
    end: after > 0 && base64.test(text[end] ?? "") ? end + 1 : end,
  };
}

/** Of each value, what of it is the end of the text, whole escapes apart. */
function begunIn(text: string, sought: Sought[]): Stretch[] {
  const cut = unfinished.exec(text)?.index ?? text.length;
  return sought.flatMap(({ mark, needle }) => {
    const length = Math.min(needle.text.length - 1, cut);
    for (let begin = cut - length; begin < cut; begin++) {
      if (!text.startsWith(needle.text[0]!, begin)) continue;
      if (!needle.text.startsWith(text.slice(begin, cut))) continue;
      return [{ ...withNeighbours(text, needle, { begin, end: text.length }), end: text.length, mark }];
    }
    return [];
  });
}

function withoutStretches(text: string, stretches: Stretch[], { isCut = false }: Scrubbing): string {
  const parts: string[] = [];
  let at = 0;
  let last: Stretch | undefined;
  const inOrder = stretches.toSorted((one, other) => one.begin - other.begin || other.end - one.end);
  for (const stretch of inOrder) {
    if (stretch.begin < at) {
      // Two values overlap, or one is written in two ways at once.
      at = Math.max(at, stretch.end);
      continue;
    }
    parts.push(text.slice(at, stretch.begin), stretch.mark);
    at = stretch.end;
    last = stretch;
  }
  const rest = text.slice(at);
  // What could have become an escaped character of a value is not worth a risk.
  const begun = isCut && last?.end !== text.length ? unfinished.exec(rest)?.index : undefined;
  return [...parts, begun === undefined ? rest : rest.slice(0, begun)].join("");
}
