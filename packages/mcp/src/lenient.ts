import { aliases, parseExactly, plainName } from "@org/scheduler-contract";
import { choicesOf, type JsonSchema } from "./compact-schema.ts";

type Fields = Record<string, unknown>;

/** Arguments as they were meant, and what was bent for that, each as a sentence's part. */
export interface Reading {
  args: unknown;
  bent: string[];
}

/**
 * Reads a call's arguments as their schema lets them be meant: models and their clients write numbers as text, one value
 * where a list is wanted, `POST` as `post`, and null for whatever they leave out. What has one reading is read so; what
 * has two, or none, stays as it is, for the check to refuse.
 */
export function readLeniently(args: unknown, schema: JsonSchema): Reading {
  const bent: string[] = [];
  if (!isFields(args)) return { args: args ?? {}, bent };
  const named = nameFields(args, schema, bent);
  const { timezone } = named;
  const isUtc = isNothing(timezone ?? null) || timezone === "UTC";
  return { args: readAssertions(readObject(named, schema, { path: "", isUtc, bent })), bent };
}

/** Where a value stands. */
interface Place {
  path: string;
  /** A time without an offset can only be in UTC. */
  isUtc: boolean;
  bent: string[];
}

/** Gives fields their names of ours, where nothing else has that name. */
function nameFields(args: Fields, { properties = {} }: JsonSchema, bent: string[]): Fields {
  const known = Object.keys(properties);
  const named = Object.entries(args).map(([name, value]): [string, unknown] => {
    if (known.includes(name)) return [name, value];
    const meant = meantBy(name, known);
    const written = Object.keys(args).filter((other) => other === meant || meantBy(other, known) === meant);
    if (meant === undefined || written.length > 1) return [name, value];
    if (!isNothing(value)) bent.push(`read ${name.slice(0, 40)} as ${meant}`);
    return [meant, value];
  });
  return Object.fromEntries(named);
}

function meantBy(name: string, known: readonly string[]): string | undefined {
  const plain = plainName(name);
  // What a tool is about is its only id.
  const ids = known.filter((field) => field.endsWith("_id") && field !== "replay_id");
  const candidates = [plain, aliases[plain], ...(plain === "id" && ids.length === 1 ? ids : [])];
  return candidates.find((candidate) => candidate !== undefined && known.includes(candidate));
}

function readObject(value: Fields, schema: JsonSchema, place: Place): Fields {
  const { path } = place;
  const { properties, required = [], additionalProperties } = schema;
  const read = Object.entries(value).flatMap(([name, part]): [string, unknown][] => {
    const field =
      properties && Object.hasOwn(properties, name)
        ? properties[name]
        : typeof additionalProperties === "object"
          ? additionalProperties
          : undefined;
    // An unknown field that says nothing would only be refused.
    if (!field) return isNothing(part) ? [] : [[name, part]];
    if (!required.includes(name) && (part === null || (properties && isNothing(part)))) return [];
    return [[name, readValue(part, field, { ...place, path: path === "" ? name : `${path}.${name}` })]];
  });
  return Object.fromEntries(read);
}

/** What clients send for an argument that is left out. */
function isNothing(value: unknown): boolean {
  return value === null || (typeof value === "string" && ["", "null"].includes(value.trim()));
}

function readValue(value: unknown, schema: JsonSchema, place: Place): unknown {
  const choices = choicesOf(schema);
  if (choices.length === 1) return readAs(value, choices[0]!, place);
  for (const choice of choices) {
    const bent: string[] = [];
    const read = readAs(value, choice, { ...place, bent });
    if (!fits(read, choice)) continue;
    place.bent.push(...bent);
    return read;
  }
  return value;
}

function fits(value: unknown, { type, enum: names }: JsonSchema): boolean {
  if (names) return names.includes(value);
  return type === "integer" ? Number.isInteger(value) : typeof value === type;
}

function readAs(value: unknown, schema: JsonSchema, place: Place): unknown {
  switch (schema.type) {
    case "integer":
    case "number":
      return clamped(typeof value === "string" ? readNumber(value, place) : value, schema, place);
    case "boolean":
      return typeof value === "string" ? readBoolean(value, place) : value;
    case "string":
      return readText(value, schema, place);
    case "array":
      return readList(value, schema, place);
    case "object": {
      const object = typeof value === "string" ? readJson(value, isFields, place) : value;
      return isFields(object) ? readObject(object, schema, place) : object;
    }
    default:
      // A job's body, which is text or JSON.
      return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  }
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function readNumber(text: string, { path, bent }: Place): unknown {
  const plain = unquoted(text);
  const [, digits, unit] = /^([+-]?\d+(?:\.\d+)?)(?: ?(s|m|h|d)[a-z]{0,7})?$/i.exec(plain) ?? [];
  if (digits === undefined) return text;
  const seconds = unit && unitSeconds[unit.toLowerCase()];
  const perUnit = path.endsWith("_seconds") ? seconds : path === "every_n_minutes" && seconds && seconds / 60;
  if (unit && !perUnit) return text;
  const number = Number(digits) * (perUnit || 1);
  bent.push(`read ${path} ${quoted(text)} as ${number}`);
  return number;
}

/** How much of a list is asked for, or how long to wait: who asks for more than there is wants the most. */
const amounts = ["limit", "count", "wait_seconds"];

function clamped(value: unknown, { maximum }: JsonSchema, { path, bent }: Place): unknown {
  if (typeof value !== "number" || maximum === undefined || value <= maximum || !amounts.includes(path))
    return value;
  bent.push(`${path} is at most ${maximum}`);
  return maximum;
}

function readBoolean(text: string, { path, bent }: Place): unknown {
  const plain = unquoted(text).toLowerCase();
  if (plain !== "true" && plain !== "false") return text;
  bent.push(`read ${path} ${quoted(text)} as ${plain}`);
  return plain === "true";
}

/** What somebody chose or copied has no white space or quotes around it; what is sent or shown to people may have. */
const copied = /(^|_)(ids?|url|queue|key|timezone|cron|cursor|run_at|start_at|end_at|from|to|at)$/;

function readText(value: unknown, schema: JsonSchema, { path, isUtc, bent }: Place): unknown {
  const { enum: names, format, pattern } = schema;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return value;
  const isCopied = (names ?? format ?? pattern) !== undefined || copied.test(path.replace(/\.\d+$/, ""));
  const plain = isCopied ? unquoted(value) : value;
  const instant = format === "date-time" && isUtc ? withOffset(plain) : plain;
  const read = names ? (nameIn(names as string[], plain) ?? value) : instant;
  if (read !== value) bent.push(`read ${path} ${quoted(value)} as ${read}`);
  return read;
}

/** A date, or a time without an offset, as the instant that it is in UTC. */
function withOffset(text: string): string {
  const [, day, time, seconds = ":00"] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?)?(?: ?UTC)?$/i.exec(text) ?? [];
  return day === undefined ? text : `${day}T${time ?? "00:00"}${seconds}Z`;
}

function nameIn(names: readonly string[], written: string): string | undefined {
  if (names.includes(written)) return written;
  const meant = [written.toLowerCase(), plainName(written)];
  return names.find((name) => meant.includes(name.toLowerCase()));
}

function readList(value: unknown, schema: JsonSchema, place: Place): unknown {
  const list = typeof value === "string" ? readJson(value, Array.isArray, place) : value;
  const items = schema.items ?? {};
  const single = !Array.isArray(list);
  if (single && !isOne(list, items)) return value;
  if (single) place.bent.push(`read ${place.path} as a list of one`);
  return (single ? [list] : list)
    .filter((item) => item !== null && item !== "null")
    .map((item, index) => readValue(item, items, { ...place, path: `${place.path}.${index}` }));
}

function isOne(value: unknown, items: JsonSchema): boolean {
  if (isFields(value)) return items.type === "object";
  return typeof value === "string" || typeof value === "number";
}

function readJson(text: string, isWanted: (value: unknown) => boolean, { path, bent }: Place): unknown {
  const value = parsed(text);
  if (!isWanted(value)) return text;
  bent.push(`read the text of ${path} as JSON`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text).value;
  } catch {
    return undefined;
  }
}

/** What the value of an assertion is follows from its type; the schema can only say that it is text. */
function readAssertions(args: Fields): Fields {
  const { assertions } = args;
  if (!Array.isArray(assertions)) return args;
  return {
    ...args,
    assertions: assertions.map((one: unknown) => (isFields(one) ? readAssertion(one) : one)),
  };
}

function readAssertion(assertion: Fields): Fields {
  const { type, value } = assertion;
  const takesText = type === "header_equals" || type === "body_contains";
  if (takesText && (typeof value === "number" || typeof value === "boolean"))
    return { ...assertion, value: String(value) };
  return takesText || typeof value !== "string" ? assertion : { ...assertion, value: readScalar(value) };
}

/** A number, true, false and null are what they look like; as text they are written in quotes. */
function readScalar(text: string): unknown {
  if (!/^(-?\d|"|true$|false$|null$)/.test(text.trim())) return text;
  try {
    const { value } = parseExactly(text);
    return value;
  } catch {
    return text;
  }
}

function unquoted(text: string): string {
  return text
    .trim()
    .replace(/^(["'`])(.*)\1$/s, "$2")
    .trim();
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
