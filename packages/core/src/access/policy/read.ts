import { didYouMean, SchedulerError } from "@org/scheduler-contract";
import { comparing, valueFlaw } from "./conditions.ts";
import { type Place, readDocument, type Reader } from "./document.ts";
import {
  type Action,
  comparisons,
  type Condition,
  type Counting,
  type Flaw,
  type Path,
  type Policy,
  type Rule,
  units,
  type Window,
} from "./policy.ts";

const topFields = ["version", "description", "default", "hide", "tools", "approvals"];
const ruleFields = [
  "name",
  "action",
  "rate_limit",
  "conditions",
  "state",
  "validate",
  "on_deny",
  "reason",
  "approval_timeout",
];
const actions: Action[] = ["evaluate", "allow", "deny", "require_approval"];
/** Whoever is to decide may be asleep. */
const usualApprovalMs = 24 * 60 * 60 * 1000;
const mostRules = 2000;

/** A policy that can be used, and what is strange in it. */
export interface Read {
  policy: Policy;
  warnings: Flaw[];
}

/**
 * Reads a policy: YAML or JSON in Intercept's file format, in that of its "recommended policies", or in that of its pages
 * about servers, which leave out `tools`. Throws `invalid_policy` with every flaw and its line. `isKnown` says which names
 * of tools there are.
 */
export function readPolicy(text: string, isKnown: (tool: string) => boolean = () => true): Read {
  const read = readDocument(text);
  const policy: Policy = { default: "allow", hide: [], tools: new Map() };
  const warnings: Flaw[] = [];
  // A text that says nothing is no policy.
  const isEmpty = read.flaws.length === 0 && read.isNothing(read.root);
  const fields = isEmpty || read.flaws.length > 0 ? undefined : read.fields(read.root);
  if (fields) {
    checkNames(read, fields, topFields, (place) => isTool(read, place));
    readVersion(read, fields.get("version"));
    policy.default = oneOf(read, fields.get("default"), ["allow", "deny"]) ?? "allow";
    policy.hide = readHidden(read, fields.get("hide"));
    const tools = toolsIn(read, fields);
    for (const [tool, place] of tools) policy.tools.set(tool, readTool(read, tool, place));
    checkCounters(read, policy);
    for (const [tool, place] of tools) {
      if (tool !== "*" && !isKnown(tool)) warnings.push(strange(place, `there is no tool "${tool}" here`));
    }
    for (const { tool, line } of policy.hide) {
      if (tool !== "*" && !isKnown(tool))
        warnings.push({ line, column: 1, path: "hide", message: `there is no tool "${tool}" here` });
    }
    const approvals = fields.get("approvals");
    if (approvals)
      warnings.push(strange(approvals, "has no effect here: GET /v1/approvals shows what waits"));
    if ([...policy.tools.values()].flat().length > mostRules)
      read.flaw(read.root, `more than ${mostRules} rules`);
  }
  if (read.flaws.length > 0) throw invalid(read.flaws);
  return { policy, warnings };
}

function strange({ line, column, path }: Place, message: string): Flaw {
  return { line, column, path, message };
}

function invalid(flaws: Flaw[]): SchedulerError {
  const told = flaws.toSorted((one, other) => one.line - other.line).slice(0, 20);
  const errors = told.map(({ line, column, path, message }) => ({
    field: "policy",
    detail: `Line ${line}, column ${column}${path === "" ? "" : ` (${path})`}: ${message}.`,
    hint: "Mend it and send the policy again; the one before is still in force.",
  }));
  return new SchedulerError("invalid_policy", errors[0]!.detail, {
    field: "policy",
    hint: errors[0]!.hint,
    errors,
  });
}

function checkNames(
  read: Reader,
  fields: Map<string, Place>,
  known: readonly string[],
  isMore: (place: Place) => boolean = () => false,
): void {
  for (const [name, place] of fields) {
    if (known.includes(name) || name.startsWith("x-") || isMore(place)) continue;
    const meant = didYouMean(name, known);
    read.flaw(
      place,
      `"${name}" is not known here; ${meant === undefined ? `known are ${known.join(", ")}` : `did you mean ${meant}`}`,
    );
  }
}

function checkNeeded(read: Reader, place: Place, fields: Map<string, Place>, names: string[]): void {
  for (const name of names) if (!fields.has(name)) read.flaw(place, `needs "${name}"`);
}

function readVersion(read: Reader, place: Place | undefined): void {
  if (!place || read.value(place) === "1" || read.value(place) === 1) return;
  read.flaw(place, 'the version is "1"');
}

function oneOf<Choice extends string>(
  read: Reader,
  place: Place | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (!place) return undefined;
  const value = read.value(place);
  const choice = choices.find((one) => one === value);
  if (choice === undefined) read.flaw(place, `expected ${choices.join(", ")}`);
  return choice;
}

function readHidden(read: Reader, place: Place | undefined): Policy["hide"] {
  if (!place) return [];
  return (read.items(place) ?? []).flatMap((item) => {
    const tool = read.text(item);
    return tool === undefined ? [] : [{ tool, line: item.line }];
  });
}

/** A map of its own at the top that has rules is one of the `tools`, which some pages leave out. */
function isTool(read: Reader, place: Place): boolean {
  const value = read.value(place);
  return typeof value === "object" && value !== null && Object.hasOwn(value, "rules");
}

function toolsIn(read: Reader, fields: Map<string, Place>): [string, Place][] {
  const under = fields.get("tools");
  const listed = under ? [...(read.fields(under) ?? [])] : [];
  const others = [...fields].filter(
    ([name, place]) => !topFields.includes(name) && !name.startsWith("x-") && isTool(read, place),
  );
  return [...listed.filter(([name]) => !name.startsWith("x-")), ...others];
}

function readTool(read: Reader, tool: string, place: Place): Rule[] {
  const fields = read.fields(place);
  if (!fields) return [];
  checkNames(read, fields, ["rules"]);
  const list = fields.get("rules");
  if (!list) {
    read.flaw(place, 'needs "rules", a list that may be empty');
    return [];
  }
  const seen = new Set<string>();
  return (read.items(list) ?? []).flatMap((item, index) => {
    const rule = readRule(read, tool, { place: item, index });
    if (rule?.limit === undefined) return rule ?? [];
    const { counter } = rule.counting!;
    if (seen.has(counter)) read.flaw(item, "has the same window as a rate limit before it");
    seen.add(counter);
    return rule;
  });
}

function readRule(
  read: Reader,
  tool: string,
  { place, index }: { place: Place; index: number },
): Rule | undefined {
  const fields = read.fields(place);
  if (!fields) return undefined;
  checkNames(read, fields, ruleFields);
  const field = (name: string): Place | undefined => fields.get(name);
  const action = oneOf(read, field("action"), actions) ?? "evaluate";
  const conditions = readConditions(read, field("conditions"));
  const rate = readRate(read, field("rate_limit"));
  const state = readState(read, field("state"));
  const requires = readRequires(read, field("validate"));
  const reason = readReason(read, field("on_deny"), field("reason"));
  const timeout = readTimeout(read, field("approval_timeout"));
  const name = field("name") && read.text(field("name")!);

  for (const other of ["conditions", "state"] as const)
    if (rate && field(other))
      read.flaw(field(other)!, "cannot stand beside rate_limit: make it a rule of its own");
  if (action === "deny") {
    for (const other of ["conditions", "rate_limit", "state", "validate"])
      if (field(other)) read.flaw(field(other)!, "has no meaning with deny, which lets no call through");
  }
  const says = ["action", "conditions", "rate_limit", "validate"].some((of) => field(of) !== undefined);
  const saysNothing = action === "evaluate" && conditions.length === 0 && !rate && !requires;
  if (field("action") ? saysNothing && read.value(field("action")!) === "evaluate" : !says)
    read.flaw(
      place,
      "evaluates nothing: give conditions, rate_limit or validate, or let its action be allow or deny",
    );
  if (field("approval_timeout") && action !== "require_approval")
    read.flaw(field("approval_timeout")!, "has a meaning with require_approval alone");
  if (action === "require_approval") {
    for (const other of ["rate_limit", "state"])
      if (field(other))
        read.flaw(field(other)!, "cannot stand beside require_approval: make it a rule of its own");
    if (conditions.some(({ path }) => path.in === "state"))
      read.flaw(field("conditions")!, "of require_approval are about args");
  }
  const counting = rate?.counting ?? state;
  return {
    name: name ?? `${tool}#${index + 1}`,
    tool,
    line: place.line,
    action,
    conditions: rate ? [rateCondition(tool, rate, place.line)] : conditions,
    ...(counting && { counting }),
    ...(requires && { requires }),
    ...(reason !== undefined && { reason }),
    ...(rate && { limit: rate.limit }),
    approvalMs: timeout ?? usualApprovalMs,
  };
}

function readConditions(read: Reader, place: Place | undefined): Condition[] {
  if (!place) return [];
  const items = read.items(place) ?? [];
  if (items.length === 0) read.flaw(place, "has no condition");
  return items.flatMap((item) => readCondition(read, item) ?? []);
}

function readCondition(read: Reader, place: Place): Condition | undefined {
  const fields = read.fields(place);
  if (!fields) return undefined;
  checkNames(read, fields, ["path", "op", "value"]);
  const [path, op, value] = ["path", "op", "value"].map((name) => fields.get(name));
  checkNeeded(read, place, fields, ["path", "op", "value"]);
  const comparison = oneOf(read, op, comparisons);
  const where = path && readPath(read, path);
  if (!where || comparison === undefined || !value) return undefined;
  const wanted = read.value(value);
  const flaw = valueFlaw(comparison, wanted);
  if (flaw !== undefined) return read.flaw(value, flaw);
  return {
    path: where,
    op: comparison,
    value: wanted,
    holds: comparing(comparison, wanted),
    line: place.line,
  };
}

function readPath(read: Reader, place: Place): Path | undefined {
  const text = read.text(place);
  if (text === undefined) return undefined;
  const [first, ...names] = text.split(".");
  if (first === "args" && names.length > 0 && names.every((name) => name !== ""))
    return { in: "args", names };
  if (first === "state" && names.length === 2) return { in: "state", tool: names[0]!, counter: names[1]! };
  return read.flaw(
    place,
    "expected args.NAME, or state.TOOL.COUNTER with _global for the counters of all tools",
  );
}

interface Rate {
  counting: Counting;
  most: number;
  limit: string;
}

function readRate(read: Reader, place: Place | undefined): Rate | undefined {
  if (!place) return undefined;
  const value = read.value(place);
  if (typeof value === "string") {
    const [, count, unit] = /^(\d{1,9})\/(minute|hour|day)$/.exec(value) ?? [];
    if (unit === undefined || Number(count) === 0)
      return read.flaw(place, "expected N/minute, N/hour or N/day, such as 30/hour");
    return rateOf(Number(count), unit as (typeof units)[number], unit);
  }
  const fields = read.fields(place);
  if (!fields) return undefined;
  checkNames(read, fields, ["max", "window"]);
  const [max, window] = [fields.get("max"), fields.get("window")].map((given) => given && read.value(given));
  if (!isWhole(max, 1_000_000_000) || !isWhole(window, 366 * 86_400))
    return read.flaw(place, "needs max, a number of calls, and window, whole seconds: {max: 10, window: 60}");
  return rateOf(max, { seconds: window }, `${window} s`);
}

function rateOf(most: number, window: Window, told: string): Rate {
  const counter = `_rate_${typeof window === "string" ? window : `${window.seconds}s`}`;
  return { counting: { counter, window, increment: 1 }, most, limit: `${most} per ${told}` };
}

function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

/** The counter of a tool's own calls; of a rule for all tools, that of all of them. */
function rateCondition(tool: string, { counting, most }: Rate, line: number): Condition {
  const path: Path = { in: "state", tool: scopeOf(tool), counter: counting.counter };
  return { path, op: "lte", value: most, holds: comparing("lte", most), line };
}

/** What a tool's counters are called by; those of `*` are everybody's. */
export function scopeOf(tool: string): string {
  return tool === "*" ? "_global" : tool;
}

function readState(read: Reader, place: Place | undefined): Counting | undefined {
  if (!place) return undefined;
  const fields = read.fields(place);
  if (!fields) return undefined;
  checkNames(read, fields, ["counter", "window", "increment", "increment_from"]);
  const [counter, window, increment, from] = ["counter", "window", "increment", "increment_from"].map(
    (name) => fields.get(name),
  );
  checkNeeded(read, place, fields, ["counter", "window"]);
  const name = counter && read.text(counter);
  if (counter && name !== undefined && !/^[A-Za-z][\w-]{0,99}$/.test(name))
    read.flaw(counter, "expected a name of letters, digits, _ and -");
  const unit = oneOf(read, window, units);
  const by = increment ? read.value(increment) : 1;
  if (increment && !(typeof by === "number" && Number.isFinite(by) && by > 0))
    read.flaw(increment, "expected a number above 0");
  if (increment && from) read.flaw(from, "cannot stand beside increment");
  const path = from && readPath(read, from);
  if (path && path.in !== "args") read.flaw(from, "expected args.NAME");
  if (name === undefined || unit === undefined) return undefined;
  return {
    counter: name,
    window: unit,
    increment: typeof by === "number" ? by : 1,
    ...(path?.in === "args" && { from: path.names }),
  };
}

function readRequires(read: Reader, place: Place | undefined): Rule["requires"] {
  if (!place) return undefined;
  const fields = read.fields(place);
  if (!fields) return undefined;
  checkNames(read, fields, ["required_args"]);
  const given = fields.get("required_args");
  if (!given) return read.flaw(place, 'needs "required_args": true, or a list of names');
  const value = read.value(given);
  if (value === true) return "all";
  if (value === false) return undefined;
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  return read.flaw(given, "expected true, or a list of names of arguments");
}

function readReason(read: Reader, onDeny: Place | undefined, reason: Place | undefined): string | undefined {
  if (onDeny && reason) read.flaw(reason, "says the same as on_deny: keep one of them");
  const given = onDeny ?? reason;
  return given && read.text(given);
}

const seconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
const mostApprovalMs = 30 * 86_400_000;

function readTimeout(read: Reader, place: Place | undefined): number | undefined {
  if (!place) return undefined;
  const text = read.text(place);
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(\d{1,7})([smhd])/g)];
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * seconds[unit!]! * 1000, 0);
  if (/^(\d{1,7}[smhd])+$/.test(text) && ms > 0 && ms <= mostApprovalMs) return ms;
  return read.flaw(place, "expected a duration up to 30d, such as 30m or 1h30m");
}

/** A counter is counted in one way, and a condition is about one that is counted. */
function checkCounters(read: Reader, { tools }: Policy): void {
  const rules = [...tools.values()].flat();
  const windows = new Map<string, Window>();
  for (const { tool, counting, line } of rules) {
    if (!counting) continue;
    const key = `${scopeOf(tool)}.${counting.counter}`;
    const before = windows.get(key);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(counting.window))
      read.flaws.push({
        line,
        column: 1,
        path: `tools.${tool}`,
        message: `counts "${counting.counter}" in two windows`,
      });
    windows.set(key, counting.window);
  }
  for (const { path, line } of rules.flatMap(({ conditions }) => conditions)) {
    if (path.in !== "state" || windows.has(`${path.tool}.${path.counter}`)) continue;
    const message = `no rule of ${path.tool === "_global" ? '"*"' : path.tool} has a state with the counter "${path.counter}"`;
    read.flaws.push({ line, column: 1, path: `state.${path.tool}.${path.counter}`, message });
  }
}
