import * as crypto from "node:crypto";
import { promisify } from "node:util";

/** How a key is made of a password. Each is one of OWASP's recommended settings: some tens of megabytes for each guess. */
interface Derivation {
  name: "argon2id" | "scrypt";
  derive(password: string, salt: Buffer): Promise<Buffer>;
}

const { randomBytes, scrypt, timingSafeEqual } = crypto;
/** Missing in a Node that is older than 24.7. */
const argon2 = (crypto as { argon2?: typeof crypto.argon2 }).argon2;

const keyBytes = 32;

const scrypted = promisify<
  string,
  Buffer,
  number,
  { N: number; r: number; p: number; maxmem: number },
  Buffer
>(scrypt);

const byScrypt: Derivation = {
  name: "scrypt",
  derive: (password, salt) =>
    scrypted(password, salt, keyBytes, { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }),
};

const byArgon2: Derivation | undefined = argon2 && {
  name: "argon2id",
  derive(password, salt) {
    const cost = { memory: 47_104, passes: 1, parallelism: 1, tagLength: keyBytes };
    return promisify(argon2)("argon2id", { message: password, nonce: salt, ...cost });
  },
};

const current = byArgon2 ?? byScrypt;

/** A password as it is stored: how its key is made, salt and key, never the password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await current.derive(password, salt);
  return `${current.name}$${salt.toString("base64url")}$${key.toString("base64url")}`;
}

/**
 * Compares in constant time. A missing hash takes as long as a wrong one, so that emails cannot be guessed. Where Node
 * cannot make the key that is stored, as after going back to an older one, nobody is let in.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [name, salt = "", key = ""] = (stored ?? "").split("$");
  const derivation = [current, byScrypt].find((known) => known.name === name) ?? current;
  const derived = await derivation.derive(password, Buffer.from(salt.padEnd(22, "A"), "base64url"));
  const expected = Buffer.from(key, "base64url");
  return derivation.name === name && expected.length === derived.length && timingSafeEqual(derived, expected);
}

/** Whether a password is to be stored anew once it is known: in the way of today, so that all take the same time. */
export function isOutdated(stored: string): boolean {
  return !stored.startsWith(`${current.name}$`);
}
