import {
  type Bounds,
  didYouMean,
  type Operation,
  operations,
  SchedulerError,
  toolsets,
  usualLifetimeDays,
} from "@org/scheduler-contract";
import type { Caller } from "./caller.ts";
import { hostCovers } from "./hosts.ts";

/** What a key may do, as far as one key can be narrower than another. */
export interface Rights {
  readOnly: boolean;
  scopes: readonly string[] | null;
  bounds: Bounds | null;
  expiresAt: Date | null;
}

/** What somebody wants a new key to be; undefined: as the key that makes it. */
export type Wanted = { [Right in keyof Rights]: Rights[Right] | undefined };

/**
 * The rights of a key that another one makes: what is asked for, and the maker's own where nothing is. Throws `forbidden`
 * where more is asked for than the maker has: no key makes a wider one.
 */
export function narrowed(maker: Caller, wanted: Wanted): Rights {
  if (wanted.scopes) assertKnown(wanted.scopes);
  const rights = {
    readOnly: wanted.readOnly ?? maker.readOnly,
    scopes: wanted.scopes ?? maker.scopes,
    bounds: maker.bounds || wanted.bounds ? { ...maker.bounds, ...wanted.bounds } : null,
    expiresAt: wanted.expiresAt ?? maker.expiresAt,
  };
  assertNoWider(maker, rights);
  return rights;
}

/** Throws `forbidden` where a key of these rights could do what `maker` cannot. */
export function assertNoWider(maker: Caller, rights: Rights): void {
  const { scopes, bounds, expiresAt } = maker;
  if (maker.readOnly && !rights.readOnly) throw wider("read_only", "true");
  if (scopes) {
    const more = rights.scopes?.find((scope) => !covers(scopes, scope));
    if (!rights.scopes || more !== undefined)
      throw wider("scopes", `${scopes.join(", ")}, not ${more ?? "all"}`);
  }
  if (expiresAt && (!rights.expiresAt || rights.expiresAt > expiresAt))
    throw wider("expires_at", expiresAt.toISOString());
  if (bounds) assertWithin(bounds, rights.bounds ?? {});
}

function assertKnown(scopes: readonly string[]): void {
  const known = [...toolsets, ...Object.keys(operations)];
  const unknown = scopes.find((scope) => !known.includes(scope));
  if (unknown === undefined) return;
  const meant = didYouMean(unknown, known);
  const list = `Scopes are toolsets (${toolsets.join(", ")}) and names of operations, such as get_job.`;
  throw new SchedulerError("invalid_input", `"${unknown.slice(0, 100)}" is no scope.`, {
    field: "scopes",
    hint: meant === undefined ? list : `Did you mean "${meant}"? ${list}`,
  });
}

/** Whether scopes hold all that one of another key stands for. */
function covers(scopes: readonly string[], scope: string): boolean {
  if (scopes.includes(scope)) return true;
  const all: Operation[] = Object.values(operations);
  const meant = all.filter(({ name, toolset }) => name === scope || toolset === scope);
  return meant.every(
    ({ name, toolset }) => scopes.includes(name) || (toolset !== null && scopes.includes(toolset)),
  );
}

const mosts = ["max_jobs", "max_fires_per_day", "max_depth"] as const;
const lists = ["methods", "secrets", "handlers"] as const;

function assertWithin(own: Bounds, given: Bounds): void {
  const least = own.min_interval_seconds;
  if (least !== undefined && !(given.min_interval_seconds! >= least))
    throw wider("bounds.min_interval_seconds", `${least}`);
  for (const name of mosts) {
    const most = own[name];
    if (most !== undefined && !(given[name]! <= most)) throw wider(`bounds.${name}`, `${most}`);
  }
  const { max_lifetime_days: most = usualLifetimeDays } = own;
  if ((given.max_lifetime_days ?? usualLifetimeDays) > most)
    throw wider("bounds.max_lifetime_days", `${most}`);
  for (const name of lists) {
    const allowed: readonly string[] | undefined = own[name];
    if (!allowed) continue;
    const more = given[name]?.find((value) => !allowed.includes(value));
    if (!given[name] || more !== undefined)
      throw wider(`bounds.${name}`, `${allowed.join(", ") || "none"}, not ${more ?? "all"}`);
  }
  const { hosts } = own;
  if (!hosts) return;
  const more = given.hosts?.find((host) => !hosts.some((pattern) => hostCovers(pattern, host)));
  if (!given.hosts || more !== undefined)
    throw wider("bounds.hosts", `${hosts.join(", ")}, not ${more ?? "all"}`);
}

function wider(field: string, own: string): SchedulerError {
  return new SchedulerError("forbidden", `A key makes no wider key, and ${field} of this one is ${own}.`, {
    field,
    hint: `Ask for no more than that, or leave ${field} out: the new key has it from this one.`,
  });
}
