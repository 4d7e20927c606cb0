import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
} from "yaml";
import type { Flaw } from "./policy.ts";

/** A place in a document, with what stands there. */
export interface Place {
  path: string;
  line: number;
  column: number;
  /** Undefined where nothing stands. */
  node: Node | undefined;
}

/** A document of YAML, or of JSON, which is YAML too; whatever is wrong with it is noted with its line. */
export interface Reader {
  root: Place;
  flaws: Flaw[];
  /** Notes what is wrong at a place. */
  flaw(place: Place, message: string): undefined;
  /** The fields of a map by their names; undefined, and noted, where it is none. */
  fields(place: Place): Map<string, Place> | undefined;
  items(place: Place): Place[] | undefined;
  text(place: Place): string | undefined;
  /** Whether nothing stands there. */
  isNothing(place: Place): boolean;
  /** What stands there as plain data; undefined, and noted, where that would be too much. */
  value(place: Place): unknown;
}

const longest = 256 * 1024;
/** A few aliases are a way of writing; many of them, of many, are a trap. */
const mostAliases = 100;

export function readDocument(text: string): Reader {
  const lines = new LineCounter();
  const flaws: Flaw[] = [];
  const tooLong = text.length > longest;
  const document: Document.Parsed = parseDocument(tooLong ? "" : text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
  }) as Document.Parsed;
  if (tooLong) flaws.push({ line: 1, column: 1, path: "", message: `longer than ${longest} characters` });
  for (const { pos, message } of document.errors) flaws.push({ ...at(pos[0]), path: "", message });

  function at(offset: number): { line: number; column: number } {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  function place(path: string, node: Node | undefined, key?: Node): Place {
    const offset = key?.range?.[0] ?? node?.range?.[0] ?? 0;
    return { path, ...at(offset), node: resolved(node) };
  }

  function resolved(node: Node | undefined): Node | undefined {
    return isAlias(node) ? (node.resolve(document) as Node | undefined) : node;
  }

  function flaw({ line, column, path }: Place, message: string): undefined {
    flaws.push({ line, column, path, message });
    return undefined;
  }

  return {
    root: place("", (document.contents ?? undefined) as Node | undefined),
    flaws,
    flaw,

    fields(of) {
      if (!isMap(of.node)) return flaw(of, "expected a map of names and values");
      const fields = new Map<string, Place>();
      for (const { key, value } of of.node.items) {
        const name = isScalar(key) ? String(key.value) : String(key);
        const path = of.path === "" ? name : `${of.path}.${name}`;
        fields.set(name, place(path, (value ?? undefined) as Node | undefined, key as Node));
      }
      return fields;
    },

    items(of) {
      if (!isSeq(of.node)) return flaw(of, "expected a list");
      return of.node.items.map((item, index) => place(`${of.path}[${index}]`, item as Node));
    },

    text(of) {
      const { node } = of;
      if (isScalar(node) && typeof node.value === "string") return node.value;
      return flaw(of, "expected text");
    },

    isNothing: ({ node }) => node === undefined || (node instanceof Scalar && node.value === null),

    value(of) {
      const { node } = of;
      if (node === undefined) return undefined;
      if (node instanceof Scalar) return node.value;
      try {
        return node.toJS(document, { maxAliasCount: mostAliases }) as unknown;
      } catch {
        return flaw(of, "has too many aliases of aliases");
      }
    },
  };
}
