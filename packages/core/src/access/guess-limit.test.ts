import { expect, test } from "vitest";
import { createGuessLimit } from "./guess-limit.ts";

const start = Date.parse("2026-03-01T12:00:00Z");
const after = (seconds: number) => new Date(start + seconds * 1000);

test("ten guesses for one email in a minute, then it has to wait", () => {
  const limit = createGuessLimit();
  for (let guess = 0; guess < 10; guess++) limit.count("a@b", after(guess));
  expect(() => limit.count("a@b", after(15))).toThrow(
    expect.objectContaining({ code: "rate_limited", retryAfterSeconds: 45 }),
  );
  limit.count("other@b", after(15));
  limit.count("a@b", after(60));
});

test("whoever knows the password starts afresh", () => {
  const limit = createGuessLimit();
  for (let guess = 0; guess < 10; guess++) limit.count("a@b", after(0));
  limit.forget("a@b");
  limit.count("a@b", after(1));
});

test("many emails take limited room, and the oldest gives way", () => {
  const limit = createGuessLimit();
  for (let guess = 0; guess < 10; guess++) limit.count("old@b", after(0));
  for (let guess = 0; guess < 10; guess++) limit.count("busy@b", after(0));
  for (let email = 0; email < 9_999; email++) limit.count(`${email}@b`, after(1));
  limit.count("old@b", after(2));
  expect(() => limit.count("busy@b", after(2))).not.toThrow();
});
