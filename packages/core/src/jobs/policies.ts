import type { CatchUp, Overlap } from "@org/scheduler-contract";

/** What a job says about slots beyond their instants. */
export interface Policies {
  jitter_seconds: number | null;
  ttl_seconds: number | null;
  overlap: Overlap;
  catch_up: CatchUp;
  catch_up_window_seconds: number;
  catch_up_max_runs: number;
}

type PolicyInput = { [Name in keyof Policies]?: Policies[Name] | null | undefined };

const defaults: Policies = {
  jitter_seconds: null,
  ttl_seconds: null,
  overlap: "allow",
  catch_up: "latest",
  catch_up_window_seconds: 86_400,
  catch_up_max_runs: 100,
};

const names = Object.keys(defaults) as (keyof Policies)[];

/** The policies that an input names, null standing for the default. */
export function changedPolicies(input: PolicyInput): Partial<Policies> {
  const given = names.filter((name) => input[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, input[name] ?? defaults[name]]));
}

/** All policies of a new job. */
export function readPolicies(input: PolicyInput): Policies {
  return { ...defaults, ...changedPolicies(input) };
}
