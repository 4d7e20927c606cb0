import { numberIn } from "./conditions.ts";
import { scopeOf } from "./read.ts";
import type { Condition, Counting, Policy, Rule, Window } from "./policy.ts";

/** A call under one of its names: that of its operation, or that of a dialect's tool. */
export interface Called {
  tool: string;
  /** Whose tool it is, where not ours. */
  dialect?: string | undefined;
  args: unknown;
  /** The arguments without which the tool makes no sense. */
  required: readonly string[];
  /** The call of many that it is one of: whoever lists that, lists this. */
  within?: Called;
  /** It stands for others, which are judged by themselves: rules for all tools are about those. */
  isBatch?: boolean;
}

/** Why a call does not go through. */
export interface Denial {
  message: string;
  /** Absent where no rule says it, but the policy as a whole. */
  rule?: Rule;
  retryAfterSeconds?: number;
}

/** What a call still depends on that no rule has denied by itself. */
export interface Open {
  /** Rules that ask somebody about it. */
  approvals: Rule[];
  /** By how much it raises which counters. */
  raises: Map<string, { window: Window; by: number }>;
  /** What has to hold of counters once they are raised. */
  checks: { key: string; condition: Condition; rule: Rule }[];
}

export type Verdict = { denial: Denial } | { open: Open };

/**
 * Judges calls by a policy, all of them or none: each is a list of the names under which it is judged. In Intercept's order:
 * what is hidden, what is not listed, the rules of the tool, those for all tools; the first that denies wins.
 */
export function decide(policy: Policy, calls: readonly (readonly Called[])[]): Verdict {
  const open: Open = { approvals: [], raises: new Map(), checks: [] };
  for (const names of calls) {
    const whole = closed(policy, names);
    if (whole) return { denial: whole };
    for (const { rule, called } of rulesFor(policy, names)) {
      const denial = apply(rule, called, open);
      if (denial) return { denial };
    }
  }
  return { open };
}

/** Whether no call of a tool goes through, whatever its arguments: such a tool is not shown. */
export function isForbidden(policy: Policy, names: readonly Called[]): boolean {
  return (
    closed(policy, names) !== undefined || rulesFor(policy, names).some(({ rule }) => rule.action === "deny")
  );
}

function closed({ hide, tools, default: other }: Policy, names: readonly Called[]): Denial | undefined {
  const [{ tool }] = names as [Called];
  if (hide.some((hidden) => hidden.tool === "*" || names.some((called) => isMeant(hidden.tool, called))))
    return { message: `Tool "${tool}" is hidden by policy` };
  if (other === "allow") return undefined;
  // A dialect's call is listed where either of its names is: whoever lists the one means the call.
  const all = names.flatMap((called) => (called.within ? [called, called.within] : [called]));
  const isListed = all.some((called) => writtenAs(called).some((name) => tools.has(name)));
  return isListed ? undefined : { message: `Tool "${tool}" is not permitted by policy` };
}

/** How a policy may write a tool: `trigger/cancel_run` is one dialect's alone. */
function writtenAs({ tool, dialect }: Called): string[] {
  return dialect === undefined ? [tool] : [tool, `${dialect}/${tool}`];
}

function isMeant(listed: string, called: Called): boolean {
  return writtenAs(called).includes(listed);
}

function rulesFor({ tools }: Policy, names: readonly Called[]): { rule: Rule; called: Called }[] {
  const found: { rule: Rule; called: Called }[] = [];
  for (const called of names) {
    for (const name of writtenAs(called))
      for (const rule of tools.get(name) ?? []) found.push({ rule, called });
  }
  const [asked] = names as [Called];
  if (!asked.isBatch) for (const rule of tools.get("*") ?? []) found.push({ rule, called: asked });
  return found;
}

/** Applies one rule to a call. Notes in `open` what it still depends on. */
function apply(rule: Rule, { args, required }: Called, open: Open): Denial | undefined {
  if (rule.action === "deny") return { rule, message: rule.reason ?? `Denied by rule "${rule.name}"` };
  const missing = missingOf(rule, args, required);
  if (missing !== undefined) return { rule, message: rule.reason ?? `The argument "${missing}" is required` };
  const failing = rule.conditions.find(
    ({ path, holds }) => path.in === "args" && !holds(valueAt(args, path.names)),
  );
  if (rule.action === "require_approval") {
    if (!failing) open.approvals.push(rule);
    return undefined;
  }
  if (failing) return { rule, message: rule.reason ?? `Denied by rule "${rule.name}": ${inWords(failing)}` };
  const denial = raise(rule, args, open);
  if (denial) return denial;
  for (const condition of rule.conditions) {
    const { path } = condition;
    if (path.in === "state") open.checks.push({ key: keyOf(path.tool, path.counter), condition, rule });
  }
  return undefined;
}

function missingOf({ requires }: Rule, args: unknown, required: readonly string[]): string | undefined {
  if (!requires) return undefined;
  const wanted = requires === "all" ? required : requires;
  return wanted.find((name) => valueAt(args, name.split(".")) == null);
}

function raise(rule: Rule, args: unknown, { raises }: Open): Denial | undefined {
  const { counting, tool } = rule;
  if (!counting) return undefined;
  const by = amountOf(counting, args);
  if (by === undefined) {
    const message = `args.${counting.from!.join(".")} has to be a number that is not negative`;
    return { rule, message: rule.reason ?? message };
  }
  const key = keyOf(scopeOf(tool), counting.counter);
  raises.set(key, { window: counting.window, by: (raises.get(key)?.by ?? 0) + by });
  return undefined;
}

/** A negative amount would take back what was counted before. */
function amountOf({ increment, from }: Counting, args: unknown): number | undefined {
  if (!from) return increment;
  const amount = numberIn(valueAt(args, from));
  return amount !== undefined && amount >= 0 ? amount : undefined;
}

function keyOf(scope: string, counter: string): string {
  return `${scope} ${counter}`;
}

/** What stands at a path of the arguments; only what they have themselves. */
function valueAt(args: unknown, names: readonly string[]): unknown {
  let value = args;
  for (const name of names) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** A counter as it stands once it has been raised. */
export interface Counter {
  value: number;
  /** Absent where it has never been raised. */
  expiresAt?: Date;
}

/** The first check that does not hold of counters as they stand; what was never counted is 0. */
export function failingCheck(
  checks: Open["checks"],
  counters: ReadonlyMap<string, Counter>,
  now: Date,
): Denial | undefined {
  for (const { key, condition, rule } of checks) {
    const counter = counters.get(key);
    if (condition.holds(counter?.value ?? 0)) continue;
    const end = counter?.expiresAt?.getTime();
    const wait = end === undefined ? undefined : Math.max(1, Math.ceil((end - now.getTime()) / 1000));
    const limit = rule.limit && `Rate limit of ${rule.limit} reached. Try again later`;
    const message = rule.reason ?? limit ?? `Denied by rule "${rule.name}": ${inWords(condition)}`;
    return { rule, message, ...(wait !== undefined && { retryAfterSeconds: wait }) };
  }
  return undefined;
}

function inWords({ path, op, value }: Condition): string {
  const where = path.in === "args" ? `args.${path.names.join(".")}` : `state.${path.tool}.${path.counter}`;
  return `${where} ${op} ${JSON.stringify(value)} does not hold`;
}
