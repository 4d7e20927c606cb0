import type { z } from "zod";
import { SchedulerError } from "./errors.ts";
import { exampleOf } from "./examples.ts";
import { findFlaw } from "./flaw.ts";
import type { Operation } from "./operation.ts";

/** Checks a caller's input against an operation. Throws `invalid_input` naming the field and the fix. */
export function parseInput<Op extends Operation>(operation: Op, input: unknown): z.output<Op["input"]> {
  const given = input ?? {};
  const flaw = findFlaw(given);
  if (flaw) throw invalidField(operation, flaw.path, flaw.message);
  const result = operation.input.safeParse(given);
  if (result.success) return result.data as z.output<Op["input"]>;
  // A misspelt field explains the missing one, not the other way round.
  const { issues } = result.error;
  throw inputError(operation, given, issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!);
}

function inputError(operation: Operation, input: unknown, issue: z.core.$ZodIssue): SchedulerError {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") return unknownField(operation, [...path, issue.keys[0]!]);
  if (path.length > 0 && isMissing(input, path)) {
    return refuse(`"${nameOf(path)}" is required.`, path, hintFor(operation, path, "Add"));
  }
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String).join(", ");
    return refuse(`"${nameOf(path)}" is not one of the values it can have.`, path, `Use one of ${values}.`);
  }
  // The key's own issue says what is wrong with it.
  const { message } = issue.code === "invalid_key" ? issue.issues[0]! : issue;
  return invalidField(operation, path, message);
}

function invalidField(operation: Operation, path: string[], message: string): SchedulerError {
  if (path.length === 0) {
    const hint = `Send a JSON object with ${fieldList(operation)}.`;
    return refuse(`${operation.name}: ${message}.`, path, hint);
  }
  return refuse(`"${nameOf(path)}": ${message}.`, path, hintFor(operation, path, "Change"));
}

function unknownField(operation: Operation, path: string[]): SchedulerError {
  const where = path.length === 1 ? `${operation.name} takes ${fieldList(operation)}` : "check its spelling";
  return refuse(
    `"${nameOf(path)}" is not a known field.`,
    path,
    `Leave it out, or use a known one: ${where}.`,
  );
}

function refuse(detail: string, path: string[], hint: string): SchedulerError {
  return new SchedulerError("invalid_input", detail, {
    hint,
    ...(path.length === 0 ? {} : { field: nameOf(path) }),
  });
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

function fieldList(operation: Operation): string {
  return Object.keys(operation.input.shape).join(", ") || "no fields";
}

function isMissing(input: unknown, path: string[]): boolean {
  const holder = path.slice(0, -1).reduce((value, key) => (value as Record<string, unknown>)[key], input);
  return typeof holder === "object" && holder !== null && !Object.hasOwn(holder, path.at(-1)!);
}
