import { expect, test } from "vitest";
import { createCipher, DecryptionError } from "./cipher.ts";

const [one, two, three] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer];
const text = "whsec_é🔑";

test("what is sealed is opened by its owner, and looks different each time", () => {
  const cipher = createCipher(one);
  const sealed = cipher.seal(text, "1/a");
  expect(cipher.open(sealed, "1/a")).toBe(text);
  expect(sealed.includes("whsec")).toBe(false);
  expect(cipher.seal(text, "1/a").equals(sealed)).toBe(false);
});

test("nobody else opens it, nor anybody once a bit of it was changed", () => {
  const cipher = createCipher(one);
  const sealed = cipher.seal(text, "1/a");
  expect(() => cipher.open(sealed, "2/a")).toThrow(DecryptionError);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    expect(() => cipher.open(changed, "1/a"), `byte ${at}`).toThrow(DecryptionError);
  }
  for (const length of [0, 3, 20, 31]) {
    expect(() => cipher.open(sealed.subarray(0, length), "1/a")).toThrow(DecryptionError);
  }
});

test("a new key opens what the key before sealed, as long as that is given too", () => {
  const sealed = createCipher(one).seal(text, "1/a");
  const rotated = createCipher(two, one);
  expect(rotated.open(sealed, "1/a")).toBe(text);
  expect(() => createCipher(three, two).open(sealed, "1/a")).toThrow(/SCHEDULER_ENCRYPTION_KEY_PREVIOUS/);
  expect(createCipher(two).open(rotated.seal(text, "1/a"), "1/a")).toBe(text);
});

test("a key of another length is refused", () => {
  expect(() => createCipher(Buffer.alloc(16))).toThrow("32 bytes");
  expect(() => createCipher(one, Buffer.alloc(31))).toThrow("32 bytes");
});
