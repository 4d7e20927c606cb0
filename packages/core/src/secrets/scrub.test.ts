import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hide } from "./hidden.ts";
import { writings } from "../testing/writings.ts";
import { reveals, scrub } from "./scrub.ts";

const values = [
  "sk-live-abc123DEF456",
  "p@ss w0rd/with+signs=&?#%",
  "\"quoted\" <tag> 'single' \\back\\slash & more",
  "über-geheim-ß-你好",
  "emoji-😀-in-the-middle",
  "line one\nline two\r\nline three",
  "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl_-x",
  "%41%42%43 is not ABC",
  "\\u0041 is not A",
  "&amp;&lt; as they are",
  "0000000000",
  "tab\there",
];

describe.each(Object.entries(writings))("a value that is written %s", (_, write) => {
  test.each(values)("is not seen: %j", (value) => {
    const hidden = [hide("name", value)];
    const written = write(value);
    const text = `before ${written} after, and again: ${written}`;
    const scrubbed = scrub(text, hidden);
    expect(scrubbed).not.toContain(written);
    expect(scrubbed.match(/\[secret:name\]/g)).toHaveLength(2);
    expect(scrubbed).toMatch(/^before .*\[secret:name\].* after, and again: .*\[secret:name\]/s);
    expect(reveals(text, hidden)).toBe(true);
    expect(reveals(scrubbed, hidden)).toBe(false);
  });

  test.each(values)("is not seen wherever it is cut off: %j", (value) => {
    const hidden = [hide("name", value)];
    const written = write(value);
    for (let length = 1; length < written.length; length++) {
      const cut = `some text ${written.slice(0, length)}`;
      const left = scrub(cut, hidden, { isCut: true }).replaceAll("[secret:name]", "");
      // Of base64, what is before the value is no secret: the name of a user.
      const shown = left.slice("some text ".length);
      expect(shown.length, `${length} of ${written}: ${left}`).toBeLessThanOrEqual(
        shown.startsWith("d") || shown.startsWith("Y") ? 8 : 0,
      );
    }
  });
});

test("what is no value stays as it is", () => {
  const hidden = [hide("a", "sk-live-abc123"), hide("b", "correct horse battery")];
  for (const text of ["", "ok", '{"a":"\\u00e9\\n","b":"%20&amp;"}', "sk-live-abc12", "correct horse"])
    expect(scrub(text, hidden)).toBe(text);
  expect(scrub("the end is cut, sk-li", hidden, { isCut: true })).toBe("the end is cut, [secret:a]");
});

test("text around values stays, whatever it is", () => {
  const word = fc.stringMatching(/^[a-z0-9 "\\%&<>é]{0,40}$/);
  const secret = fc.stringMatching(/^[A-Z]{12,30}$/);
  fc.assert(
    fc.property(word, word, secret, (before, after, value) => {
      expect(scrub(`${before}${value}${after}`, [hide("v", value)])).toBe(`${before}[secret:v]${after}`);
    }),
  );
});

test("several values are each told by their names, also where one is in another", () => {
  const hidden = [hide("long", "abcdef-ghijkl"), hide("short", "ghijkl")];
  expect(scrub("abcdef-ghijkl ghijkl", hidden)).toBe("[secret:long] [secret:short]");
});

test("names of headers are in lower case, and hosts too", () => {
  expect(scrub("x-sk-live-abc", [hide("k", "SK-Live-ABC")], { anyCase: true })).toBe("x-[secret:k]");
});

test("bytes that are no text have none of it either", () => {
  const value = "über-geheim";
  const hidden = [hide("k", value)];
  for (const encoding of ["utf8", "utf16le"] as const) {
    const bytes = Buffer.concat([Buffer.from([0, 1, 2]), Buffer.from(value, encoding), Buffer.from([3, 0])]);
    const scrubbed = Buffer.from(scrub(bytes.toString("latin1"), hidden, { isBinary: true }), "latin1");
    expect(scrubbed.includes(Buffer.from(value, encoding))).toBe(false);
    expect(scrubbed.subarray(0, 3)).toEqual(Buffer.from([0, 1, 2]));
  }
});

test("a body of 64 KiB with nothing to hide takes a moment", () => {
  const hidden = Array.from({ length: 20 }, (_, index) =>
    hide(`s${index}`, `sk-live-${index}-abcdefghijklmnop`),
  );
  const body = JSON.stringify({
    rows: Array.from({ length: 900 }, (_, id) => ({ id, text: 'a "quoted"\nline & more %20' })),
  });
  const begun = performance.now();
  expect(scrub(body, hidden, { isCut: true })).toContain("quoted");
  expect(performance.now() - begun).toBeLessThan(500);
});
