import { describe, expect, test } from "vitest";
import { createGuessLimit, type GuessLimit } from "./guess-limit.ts";

const start = Date.parse("2026-03-01T12:00:00Z");
const after = (seconds: number) => new Date(start + seconds * 1000);
const limited = expect.objectContaining({ code: "rate_limited" }) as Error;

const from = (address: string | undefined, email = "a@b") => ({ email, address });

/** How many of so many guesses are let through. */
function letThrough(
  limit: GuessLimit,
  guesses: { email: string; address: string | undefined }[],
  at = 0,
): number {
  let passed = 0;
  for (const guess of guesses) {
    try {
      limit.count(guess, after(at));
      passed++;
    } catch (error) {
      expect(error).toEqual(limited);
    }
  }
  return passed;
}

const many = <Item>(count: number, item: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => item(index));

test("ten guesses for one email in a minute, then it has to wait", () => {
  const limit = createGuessLimit();
  for (let guess = 0; guess < 10; guess++) limit.count(from("1.1.1.1"), after(guess));
  expect(() => limit.count(from("1.1.1.1"), after(15))).toThrow(
    expect.objectContaining({ code: "rate_limited", retryAfterSeconds: 45 }),
  );
  limit.count(from("1.1.1.1", "other@b"), after(15));
  limit.count(from("1.1.1.1"), after(60));
});

test("it is as many from whatever addresses, and as many where none is known", () => {
  const limit = createGuessLimit();
  expect(
    letThrough(
      limit,
      many(50, (index) => from(`1.1.1.${index}`)),
    ),
  ).toBe(10);
  expect(
    letThrough(
      limit,
      many(50, () => from(undefined, "none@b")),
    ),
  ).toBe(10);
});

test("an address has thirty guesses in a minute, whomever they are for; an IPv6 network is one", () => {
  const limit = createGuessLimit();
  expect(
    letThrough(
      limit,
      many(50, (index) => from("1.1.1.1", `${index}@b`)),
    ),
  ).toBe(30);
  expect(
    letThrough(
      limit,
      many(50, (index) => from(`2001:db8::${index + 1}`, `${index}@c`)),
    ),
  ).toBe(30);
  expect(
    letThrough(
      limit,
      many(50, (index) => from(`2001:db8:0:0:${index + 1}::1`, `${index}@d`)),
    ),
  ).toBe(0);
  expect(
    letThrough(
      limit,
      many(5, (index) => from(`2001:db8:0:1::${index}`, `${index}@e`)),
    ),
  ).toBe(5);
  expect(
    letThrough(
      limit,
      many(5, (index) => from("::ffff:1.1.1.1", `${index}@f`)),
    ),
  ).toBe(0);
});

describe("whoever knew the password", () => {
  test("starts afresh", () => {
    const limit = createGuessLimit();
    letThrough(
      limit,
      many(10, () => from("1.1.1.1")),
    );
    limit.succeed(from("1.1.1.1"), after(0));
    limit.count(from("1.1.1.1"), after(1));
  });

  test("is let in from the same address while others guess, there too, and has a bound there as well", () => {
    const limit = createGuessLimit();
    limit.succeed(from("9.9.9.9"), after(0));
    expect(
      letThrough(
        limit,
        many(100, (index) => from(`1.1.1.${index}`)),
      ),
    ).toBe(10);
    const there = (count: number) => many(count, () => from("9.9.9.9"));
    expect(letThrough(limit, there(100))).toBe(100);
    expect(letThrough(limit, there(100))).toBe(20);
    expect(limit.isKnown(from("9.9.9.9"))).toBe(true);
    expect(limit.isKnown(from("9.9.9.9", "other@b"))).toBe(false);
  });

  test("takes nothing from those who log in from the same address", () => {
    const limit = createGuessLimit();
    for (let person = 0; person < 100; person++) {
      limit.count(from("1.1.1.1", `${person}@b`), after(0));
      limit.succeed(from("1.1.1.1", `${person}@b`), after(0));
    }
  });

  test("is not forgotten for the names that others make up", () => {
    const limit = createGuessLimit();
    limit.succeed(from("9.9.9.9"), after(0));
    letThrough(
      limit,
      many(20_000, (index) => from(`10.${index >> 12}.${(index >> 4) & 255}.1`, `${index}@c`)),
      1,
    );
    expect(
      letThrough(
        limit,
        many(1, () => from("9.9.9.9")),
        2,
      ),
    ).toBe(1);
  });
});

test("other names flush no limit: what is full lets nobody new in, until a minute has passed", () => {
  const limit = createGuessLimit();
  expect(
    letThrough(
      limit,
      many(20, () => from(undefined)),
    ),
  ).toBe(10);
  expect(
    letThrough(
      limit,
      many(20_000, (index) => from(undefined, `${index}@c`)),
      1,
    ),
  ).toBe(9_999);
  expect(
    letThrough(
      limit,
      many(5, () => from(undefined)),
      2,
    ),
  ).toBe(0);
  expect(
    letThrough(
      limit,
      many(5, () => from(undefined)),
      61,
    ),
  ).toBe(5);
});
