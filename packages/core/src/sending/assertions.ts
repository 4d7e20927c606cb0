import {
  type Assertion,
  type ExactNumber,
  isExactNumber,
  isSameNumber,
  parseExactly,
} from "@org/scheduler-contract";
import type { Answer } from "./answer.ts";

/** Answers what the first assertion that does not hold expected and what came instead; null when all of them hold. */
export function failedAssertion(assertions: Assertion[], answer: Answer): string | null {
  for (const assertion of assertions) {
    const problem = problemOf(assertion, answer);
    if (problem !== null) return problem;
  }
  return null;
}

type Received = Pick<Answer, "statusCode" | "headers" | "body" | "encoding" | "truncated" | "latencyMs">;

function problemOf({ type, name, path, value }: Assertion, answer: Received): string | null {
  switch (type) {
    case "status_equals":
      return answer.statusCode === value
        ? null
        : `Expected status ${value as number}, got ${answer.statusCode}.`;
    case "header_equals": {
      const given = headerGiven(answer, name!.toLowerCase());
      const holds = Array.isArray(given) ? given.includes(value as string) : given === value;
      return holds ? null : differs(`header ${name}`, value, given);
    }
    case "body_contains": {
      if (answer.encoding === "base64") return noText(`the body to contain ${shown(value)}`);
      const body = answer.body ?? "";
      if (body.includes(value as string)) return null;
      const seen = answer.truncated ? `its first ${keptText} do not` : `got ${shown(body)}`;
      return `Expected the body to contain ${shown(value)}, ${seen}.`;
    }
    case "json_path_equals":
      return problemAtPath(path!, value, answer);
    case "answered_under_ms": {
      const took = Math.ceil(answer.latencyMs);
      return answer.latencyMs < (value as number)
        ? null
        : `Expected an answer in under ${value as number} ms, it took ${took} ms.`;
    }
  }
}

/** A header may be called as what every object has. */
function headerGiven({ headers }: Received, name: string): string | string[] | undefined {
  return headers !== null && Object.hasOwn(headers, name) ? headers[name] : undefined;
}

function noText(expected: string): string {
  return `Expected ${expected}, but it could not be read as text.`;
}

const keptText = "64 KiB, all that is kept,";

function problemAtPath(path: string, value: unknown, { body, encoding, truncated }: Received): string | null {
  if (encoding === "base64") return noText(`${path} of a JSON body`);
  if (truncated) return `Expected ${path} of a JSON body, but its first ${keptText} are not all of it.`;
  let json: unknown;
  try {
    json = parseExactly(body ?? "").value;
  } catch {
    return `Expected ${path} of a JSON body, got ${shown(body ?? "")}.`;
  }
  const given = valueAt(json, path);
  return isSameScalar(given, value) ? null : differs(path, value, given);
}

/** What is compared with is a scalar, and a scalar is deeply equal where it is the same. */
function isSameScalar(given: unknown, value: unknown): boolean {
  return isNumber(given) && isNumber(value) ? isSameNumber(given, value) : given === value;
}

function isNumber(value: unknown): value is number | ExactNumber {
  return typeof value === "number" || isExactNumber(value);
}

/** A segment of a path such as `$.items[0]['a b']`; the contract lets nothing else in. */
const segment = /\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]/g;

/** What a singular path of RFC 9535 leads to; undefined where it leads nowhere. */
function valueAt(json: unknown, path: string): unknown {
  let at = json;
  for (const [, name, index, single, double] of path.matchAll(segment)) {
    if (typeof at !== "object" || at === null) return undefined;
    if (Array.isArray(at) !== (index !== undefined)) return undefined;
    const key = name ?? index ?? single ?? double ?? "";
    if (!Array.isArray(at) && !Object.hasOwn(at, key)) return undefined;
    at = Array.isArray(at) ? at[Number(key)] : (at as Record<string, unknown>)[key];
  }
  return at;
}

function differs(what: string, expected: unknown, given: unknown): string {
  const got = given === undefined ? "there is none" : `got ${shown(given)}`;
  return `Expected ${what} to be ${shown(expected)}, ${got}.`;
}

/** What a target sends may be as long as it likes, and stands in logs and lists. */
const shownLength = 80;
const shownDepth = 20;

/** How deep a value is nested, as far as it matters; level by level, without recursion. */
function depthOf(value: unknown, limit: number): number {
  let depth = 0;
  for (let level = [value]; depth <= limit; depth++) {
    level = level.flatMap((one) => (typeof one === "object" && one !== null ? Object.values(one) : []));
    if (level.length === 0) break;
  }
  return depth;
}

function shown(value: unknown): string {
  // Writing it out goes as deep as it is nested, and a target may nest it deeper than the stack is.
  const text = depthOf(value, shownDepth) > shownDepth ? "a deeply nested value" : JSON.stringify(value);
  return text.length > shownLength ? `${text.slice(0, shownLength).toWellFormed()}…` : text;
}
