import { z } from "zod";
import { type Mistake, SchedulerError } from "./errors.ts";
import { isExactNumber } from "./exact-json.ts";
import { exampleOf } from "./examples.ts";
import { findFlaw } from "./flaw.ts";
import type { Operation } from "./operation.ts";
import { didYouMean } from "./suggest.ts";

/** What is more than this is not read, and costs whoever reads it. */
const maxMistakes = 20;

/**
 * Checks a caller's input against an operation. Throws `invalid_input`, which tells every mistake with its field and its
 * fix; the first of them is the error's own.
 */
export function parseInput<Op extends Operation>(operation: Op, input: unknown): z.output<Op["input"]> {
  const given = input ?? {};
  const flaw = findFlaw(given);
  if (flaw) throw refusal([invalidField(operation, flaw.path, flaw.message)]);
  const result = operation.input.safeParse(given);
  const missing = operation.missing?.(given as Record<string, unknown>) ?? [];
  if (result.success && missing.length === 0) return result.data as z.output<Op["input"]>;
  // A misspelt field explains the missing one.
  const mistakes = mistakesOf(operation, given, [
    ...(result.error?.issues ?? []),
    ...missing.map((path) => ({ code: "custom" as const, path, message: "it is required", input: given })),
  ]);
  throw refusal(mistakes);
}

function refusal(mistakes: Mistake[]): SchedulerError {
  const [{ detail, ...first }] = mistakes as [Mistake];
  return new SchedulerError("invalid_input", detail, { ...first, errors: mistakes.slice(0, maxMistakes) });
}

function mistakesOf(operation: Operation, input: unknown, issues: z.core.$ZodIssue[]): Mistake[] {
  // A misspelt field explains the missing one, not the other way round.
  const [unknown, others] = [true, false].map((is) =>
    issues.filter(({ code }) => (code === "unrecognized_keys") === is),
  ) as [z.core.$ZodIssueUnrecognizedKeys[], z.core.$ZodIssue[]];
  const misspelt = unknown.flatMap(({ path, keys }) =>
    keys.slice(0, maxMistakes).map((key) => unknownField(operation, [...path.map(String), key])),
  );
  const meant = new Set(misspelt.map(({ meant }) => meant));
  const mistaken = others.filter(({ path }) => !meant.has(path.join(".")) || !isMissing(input, path));
  return [
    ...misspelt.map(({ mistake }) => mistake),
    ...mistaken.slice(0, maxMistakes).map((issue) => mistakeOf(operation, input, issue)),
  ];
}

function mistakeOf(operation: Operation, input: unknown, issue: z.core.$ZodIssue): Mistake {
  const path = issue.path.map(String);
  if (path.length > 0 && isMissing(input, path))
    return mistake(path, `"${nameOf(path)}" is required.`, hintFor(operation, path, "Add"));
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    const written = valueAt(input, path);
    const meant = typeof written === "string" ? didYouMean(written, values) : undefined;
    const detail = `"${nameOf(path)}" is not one of the values it can have.`;
    const list = `Use one of ${values.join(", ")}.`;
    return mistake(path, detail, meant === undefined ? list : `Did you mean "${meant}"? ${list}`);
  }
  if (isExactNumber(valueAt(input, path)))
    return invalidField(operation, path, "a number with more digits than this field takes");
  const range = rangeOf(operation, issue);
  if (range) return mistake(path, `"${nameOf(path)}" ${range}.`, hintFor(operation, path, "Change"));
  // The key's own issue says what is wrong with it.
  const { message } = issue.code === "invalid_key" ? issue.issues[0]! : issue;
  return invalidField(operation, path, issue.code === "invalid_type" ? typeMessage(issue, input) : message);
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false, without quotes",
  object: "an object",
  record: "an object",
  array: "a list",
};

const typesGiven: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  object: "an object",
  array: "a list",
};

function typeMessage({ expected, path }: z.core.$ZodIssueInvalidType, input: unknown): string {
  const given = valueAt(input, path.map(String));
  const type = given === null ? "null" : Array.isArray(given) ? "array" : typeof given;
  return `expected ${kinds[expected] ?? expected}, not ${typesGiven[type] ?? type}`;
}

/** Both ends of what a number may be, of which an issue tells only the one that was passed. */
function rangeOf(operation: Operation, issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== "too_small" && issue.code !== "too_big") return undefined;
  const schema = schemaAt(operation, issue.path.map(String));
  if (!(schema instanceof z.ZodNumber)) return undefined;
  return `goes from ${schema.minValue} to ${schema.maxValue}`;
}

function invalidField(operation: Operation, path: string[], message: string): Mistake {
  if (path.length === 0) {
    const hint = `Send a JSON object with ${namesOf(operation.input).join(", ") || "no fields"}.`;
    return mistake(path, `${operation.name}: ${message}.`, hint);
  }
  return mistake(path, `"${nameOf(path)}": ${message}.`, hintFor(operation, path, "Change"));
}

function unknownField(operation: Operation, path: string[]): { mistake: Mistake; meant?: string } {
  const holder = path.slice(0, -1);
  const names = namesOf(schemaAt(operation, holder));
  const meant = didYouMean(path.at(-1)!, names);
  const takes = `${holder.at(-1) ?? operation.name} takes ${names.join(", ") || "no fields"}`;
  // An operation's fields are many, and whoever misspelt one needs no more than its name.
  const others = holder.length === 0 ? "" : ` ${takes}.`;
  const hint =
    meant === undefined ? `Leave it out, or use a known one: ${takes}.` : `Did you mean "${meant}"?${others}`;
  return {
    mistake: mistake(path, `"${nameOf(path)}" is not a known field.`, hint),
    ...(meant !== undefined && { meant: [...holder, meant].join(".") }),
  };
}

function mistake(path: string[], detail: string, hint: string): Mistake {
  return { ...(path.length > 0 && { field: nameOf(path) }), detail, hint };
}

function hintFor(operation: Operation, path: string[], verb: "Add" | "Change"): string {
  const field = knownField(operation, path);
  const example = field === undefined ? undefined : exampleOf(field);
  return example ? `Give ${field} like ${example}.` : `${verb} "${nameOf(path)}" and send the request again.`;
}

/** The field that a path leads into: the operation's own, or that of one object in a list of them. */
function knownField({ input }: Operation, [first = "", , inner]: string[]): string | undefined {
  if (!Object.hasOwn(input.shape, first)) return undefined;
  const { element } = input.shape[first]!._zod.def as { element?: z.ZodType };
  return element?._zod.def.type === "object" ? inner : first;
}

/** What an operation takes at a place of its input, under `optional`, `default` and the like. */
function schemaAt({ input }: Operation, path: string[]): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = input;
  for (const part of path) {
    const def = bare(schema)?._zod.def as { element?: z.core.$ZodType; valueType?: z.core.$ZodType };
    const field: z.core.$ZodType | undefined = namesOf(schema).includes(part)
      ? (bare(schema) as z.ZodObject).shape[part]
      : undefined;
    schema = field ?? def?.element ?? def?.valueType;
  }
  return bare(schema);
}

function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let inner = schema;
  for (let def; (def = inner?._zod.def as { innerType?: z.core.$ZodType } | undefined)?.innerType;)
    inner = def.innerType;
  return inner;
}

function namesOf(schema: z.core.$ZodType | undefined): string[] {
  const inner = bare(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

const longestName = 100;

/** A dotted path; a name may be as long as a request, and an answer should not be. */
function nameOf(path: string[]): string {
  const name = path
    .map((part, index) => (path[index - 1] === "headers" ? headerNameOf(part) : part))
    .join(".");
  return (name.length <= longestName ? name : `${name.slice(0, longestName)}…`).toWellFormed();
}

/** Whoever mixes up name and value has a secret for a name: what is no plain word is not repeated, unless it is short. */
function headerNameOf(name: string): string {
  const isPlain = name.length <= 12 || (name.length <= 40 && /^[A-Za-z]+(-[A-Za-z]+)*$/.test(name));
  return isPlain ? name : "…";
}

function isMissing(input: unknown, path: readonly PropertyKey[]): boolean {
  const holder = valueAt(input, path.slice(0, -1).map(String));
  return typeof holder === "object" && holder !== null && !Object.hasOwn(holder, path.at(-1)!);
}

function valueAt(input: unknown, path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], input);
}
