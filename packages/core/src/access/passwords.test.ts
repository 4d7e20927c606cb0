import { randomBytes, scryptSync } from "node:crypto";
import { expect, test } from "vitest";
import { hashPassword, isOutdated, verifyPassword } from "./passwords.ts";

test("a password is stored by Argon2id, which the hash says, and known again", async () => {
  const stored = await hashPassword("correct horse");
  expect(stored).toMatch(/^argon2id\$/);
  expect(stored).not.toContain("horse");
  expect(await hashPassword("correct horse")).not.toBe(stored);
  expect(await verifyPassword("correct horse", stored)).toBe(true);
  expect(await verifyPassword("correct horsf", stored)).toBe(false);
  expect(isOutdated(stored)).toBe(false);
});

test("one that was stored by scrypt is known still, and is to be stored anew", async () => {
  const salt = randomBytes(16);
  const key = scryptSync("old one", salt, 32, { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 });
  const stored = `scrypt$${salt.toString("base64url")}$${key.toString("base64url")}`;
  expect(await verifyPassword("old one", stored)).toBe(true);
  expect(await verifyPassword("wrong", stored)).toBe(false);
  expect(isOutdated(stored)).toBe(true);
});

test.each([undefined, "", "-", "md5$a$b", "argon2id$$", "argon2id$AAAA$"])(
  "nobody gets in by what is stored as %j",
  async (stored) => {
    expect(await verifyPassword("", stored)).toBe(false);
    expect(await verifyPassword("x", stored)).toBe(false);
  },
);
