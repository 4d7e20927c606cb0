import { expect, test } from "vitest";
import type { Bounds } from "@org/scheduler-contract";
import type { Caller } from "./caller.ts";
import { assertNoWider, narrowed, type Rights, type Wanted } from "./narrow.ts";

const everything: Rights = { readOnly: false, scopes: null, bounds: null, expiresAt: null };
const asMaker = { readOnly: undefined, scopes: undefined, bounds: undefined, expiresAt: undefined };

function make(own: Partial<Rights>, wanted: Partial<Wanted>): Rights {
  return narrowed({ ...everything, ...own } as Caller, { ...asMaker, ...wanted });
}

const soon = new Date("2026-03-02T00:00:00Z");
const later = new Date("2026-03-03T00:00:00Z");

test("a key that asks for nothing is as its maker", () => {
  const own: Rights = { readOnly: true, scopes: ["jobs"], bounds: { max_jobs: 3 }, expiresAt: soon };
  expect(make(own, {})).toEqual(own);
  expect(make({}, {})).toEqual(everything);
});

test.each<[own: Partial<Rights>, wanted: Partial<Wanted>, field: string]>([
  [{ readOnly: true }, { readOnly: false }, "read_only"],
  [{ scopes: ["jobs"] }, { scopes: ["jobs", "secrets"] }, "scopes"],
  [{ scopes: ["get_job"] }, { scopes: ["jobs"] }, "scopes"],
  [{ scopes: ["get_job"] }, { scopes: ["create_job"] }, "scopes"],
  [{ scopes: ["jobs"] }, { scopes: ["create_token"] }, "scopes"],
  [{ expiresAt: soon }, { expiresAt: later }, "expires_at"],
  ...(
    [
      [{ max_jobs: 3 }, { max_jobs: 4 }, "max_jobs"],
      [{ max_fires_per_day: 3 }, { max_fires_per_day: 4 }, "max_fires_per_day"],
      [{ max_depth: 0 }, { max_depth: 1 }, "max_depth"],
      [{ min_interval_seconds: 3600 }, { min_interval_seconds: 60 }, "min_interval_seconds"],
      [{ max_lifetime_days: 7 }, { max_lifetime_days: 8 }, "max_lifetime_days"],
      [{ max_jobs: 1 }, { max_lifetime_days: 31 }, "max_lifetime_days"],
      [{ methods: ["GET"] }, { methods: ["GET", "POST"] }, "methods"],
      [{ secrets: [] }, { secrets: ["a"] }, "secrets"],
      [{ handlers: ["a"] }, { handlers: ["b"] }, "handlers"],
      [{ hosts: ["a.example"] }, { hosts: ["b.example"] }, "hosts"],
      [{ hosts: ["a.example"] }, { hosts: ["*.a.example"] }, "hosts"],
      [{ hosts: ["*.a.example"] }, { hosts: ["a.example"] }, "hosts"],
      [{ hosts: ["*.a.example"] }, { hosts: ["evila.example"] }, "hosts"],
      [{ hosts: ["a.example:8443"] }, { hosts: ["a.example"] }, "hosts"],
      [{ hosts: ["a.example:8443"] }, { hosts: ["a.example:443"] }, "hosts"],
    ] satisfies [Bounds, Bounds, string][]
  ).map(([own, wanted, name]): [Partial<Rights>, Partial<Wanted>, string] => [
    { bounds: own },
    { bounds: wanted },
    `bounds.${name}`,
  ]),
])("a key with %o makes none with %o", (own, wanted, field) => {
  expect(() => make(own, wanted)).toThrow(expect.objectContaining({ code: "forbidden", field }));
});

test.each<[own: Partial<Rights>, wanted: Partial<Wanted>]>([
  [{}, { readOnly: true, scopes: ["jobs"], bounds: { max_jobs: 1 }, expiresAt: soon }],
  [{ scopes: ["jobs"] }, { scopes: ["get_job", "create_jobs"] }],
  [{ scopes: ["jobs", "get_slo"] }, { scopes: ["jobs"] }],
  [{ expiresAt: later }, { expiresAt: soon }],
  [{ bounds: { min_interval_seconds: 60 } }, { bounds: { min_interval_seconds: 3600 } }],
  [{ bounds: { hosts: ["*.a.example"] } }, { bounds: { hosts: ["b.a.example:8443", "*.c.a.example"] } }],
  [{ bounds: { hosts: ["a.example"] } }, { bounds: { hosts: ["a.example:8443"] } }],
])("a key with %o makes one with %o", (own, wanted) => {
  const made = make(own, wanted);
  for (const [right, value] of Object.entries(wanted))
    expect(made[right as keyof Rights]).toEqual(
      right === "bounds" ? { ...own.bounds, ...wanted.bounds } : value,
    );
});

test("what a maker is bound to stays where only another bound is asked for", () => {
  expect(make({ bounds: { max_jobs: 3, hosts: ["a.example"] } }, { bounds: { max_jobs: 2 } }).bounds).toEqual(
    {
      max_jobs: 2,
      hosts: ["a.example"],
    },
  );
});

test("a scope that there is not is told, with the nearest", () => {
  expect(() => make({}, { scopes: ["job"] })).toThrow(
    expect.objectContaining({
      code: "invalid_input",
      field: "scopes",
      hint: expect.stringContaining("jobs"),
    }),
  );
});

test("a bounded key touches no key without bounds", () => {
  const maker = { ...everything, bounds: { max_jobs: 3 } } as Caller;
  expect(() => assertNoWider(maker, everything)).toThrow(expect.objectContaining({ code: "forbidden" }));
});
