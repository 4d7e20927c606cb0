import type { Operation } from "@org/scheduler-contract";
import { SchedulerError } from "@org/scheduler-contract";
import type { z } from "zod";

/** Reads a query string into the input that an operation expects: numbers, booleans, `metadata.KEY=value`. */
export function readQuery(operation: Operation, search: string): Record<string, unknown> {
  const parameters = new URLSearchParams(search);
  const fields = new Map<string, unknown>();
  const records = new Map<string, Map<string, string>>();
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name);
    const [field, key] = splitName(name);
    const type = typeOf(operation, field);
    if (type === "array") {
      fields.set(name, values);
    } else if (values.length > 1) {
      throw repeated(name);
    } else if (type !== "record") {
      fields.set(name, coerce(type, values[0]!));
    } else {
      if (key === undefined) throw keyMissing(field);
      const record = records.get(field) ?? new Map<string, string>();
      if (record.has(key)) throw repeated(name);
      records.set(field, record.set(key, values[0]!));
    }
  }
  for (const [field, record] of records) fields.set(field, Object.fromEntries(record));
  return Object.fromEntries(fields);
}

/** `metadata.team` or, as OpenAPI's deepObject has it, `metadata[team]`. */
function splitName(name: string): [field: string, key?: string] {
  const match = /^([^.[]+)(?:\.(.+)|\[(.+)\])$/s.exec(name);
  return match ? [match[1]!, (match[2] ?? match[3])!] : [name];
}

/** The kind of value that a field takes, under `optional`, `default` and the like. */
function typeOf({ input }: Operation, field: string): string | undefined {
  if (!Object.hasOwn(input.shape, field)) return undefined;
  let def = input.shape[field]!._zod.def as { type: string; innerType?: z.core.$ZodType };
  while (def.innerType) def = def.innerType._zod.def as typeof def;
  return def.type;
}

/** What cannot be read as its type stays text, so that the contract's own check says what was expected. */
function coerce(type: string | undefined, text: string): unknown {
  if (type === "number" && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

function repeated(name: string): SchedulerError {
  return new SchedulerError("invalid_input", `"${name}" is given more than once.`, {
    field: name,
    hint: `Give ${name} once.`,
  });
}

function keyMissing(field: string): SchedulerError {
  return new SchedulerError("invalid_input", `"${field}" needs a key in a query.`, {
    field,
    hint: `Write it as ${field}.KEY=value, for example ${field}.team=billing.`,
  });
}
