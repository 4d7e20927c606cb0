/** Something in a value that JSON or our storage cannot hold, and where. */
export interface Flaw {
  path: string[];
  message: string;
}

/** More levels than anybody needs, and fewer than would exhaust a stack: ours, or JSON.stringify's. */
export const maxDepth = 100;

/** Whether a value is nested deeper than anybody needs; level by level, so that no depth exhausts the stack. */
export function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; depth <= maxDepth; depth++) {
    level = level.flatMap((part) => (typeof part === "object" && part !== null ? Object.values(part) : []));
    if (level.length === 0) return false;
  }
  return true;
}

/** The first flaw of a value, or undefined where it is plain JSON that can be stored as it is. */
export function findFlaw(value: unknown, depth = 0): Flaw | undefined {
  switch (typeof value) {
    case "string":
      return flawOfText(value);
    case "number":
      return Number.isFinite(value) ? undefined : here("expected a finite number");
    case "boolean":
    case "undefined":
      return undefined;
    case "object":
      return value === null ? undefined : flawOfObject(value, depth);
    default:
      return here(`expected JSON, not a ${typeof value}`);
  }
}

function flawOfObject(value: object, depth: number): Flaw | undefined {
  if (depth >= maxDepth) return here(`nested more than ${maxDepth} levels deep`);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const flaw = findFlaw(value[index], depth + 1);
      if (flaw) return below(String(index), flaw);
    }
    return undefined;
  }
  if (!isPlain(value)) return here("expected JSON, not an instance of a class");
  for (const key of Object.keys(value)) {
    const flaw = flawOfKey(key) ?? findFlaw((value as Record<string, unknown>)[key], depth + 1);
    if (flaw) return below(key, flaw);
  }
  return undefined;
}

/** Copied into a new object, `__proto__` would set the prototype and vanish. */
function flawOfKey(key: string): Flaw | undefined {
  return key === "__proto__" ? here("no field may have this name") : flawOfText(key);
}

/** PostgreSQL's text has no NUL, and UTF-8 no half of a surrogate pair. */
function flawOfText(text: string): Flaw | undefined {
  if (text.includes("\0")) return here("the character U+0000 cannot be stored");
  return text.isWellFormed() ? undefined : here("half of a surrogate pair is no character");
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function here(message: string): Flaw {
  return { path: [], message };
}

function below(key: string, { path, message }: Flaw): Flaw {
  return { path: [key, ...path], message };
}
