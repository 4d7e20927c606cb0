import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSameNumber, parseExactly, withBodyText } from "./exact-json.ts";

const exact = (text: string): number | { rawJSON: string } =>
  (parseExactly(`[${text}]`).value as (number | { rawJSON: string })[])[0]!;

describe("parseExactly", () => {
  test("reads whatever JSON.parse reads, and the same", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
        // With a body, so that every token is read by ourselves.
        const text = JSON.stringify({ body: { value } }, null, indent);
        expect(parseExactly(text).value).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each(["{", '{"a":1,}', "01", "1e", "[1 2]", "nul", '"\u0001"', "{1:2}"])("refuses %j", (text) => {
    expect(() => parseExactly(text)).toThrow(SyntaxError);
  });

  test.each([
    "7615917337495251231",
    "-7615917337495251231",
    "0.1234567890123456789",
    "1e400",
    "-1E+999",
    "1e-400",
    "123456789012345678901234567890.5",
  ])("keeps %s, which no double holds", (text) => {
    expect(JSON.stringify(exact(text))).toBe(text);
  });

  test.each(["0", "-0", "1", "1.0", "1e3", "9007199254740992", "0.1", "5e-324", "1.7976931348623157e308"])(
    "reads %s as a number",
    (text) => {
      expect(exact(text)).toBe(Number(text));
    },
  );

  test("nesting exhausts no stack", () => {
    const depth = 30_000;
    const text = `{"body":${"[".repeat(depth)}1e400${"]".repeat(depth)}}`;
    expect(parseExactly(text).bodies.size).toBe(1);
  });

  test("a field that is given twice is the last, as for JSON.parse; __proto__ is a field", () => {
    const text = '{"body":{"a":1},"body":{"a":2},"__proto__":{"x":1e400}}';
    const { value, bodies } = parseExactly(text);
    expect(bodies.get((value as { body: unknown }).body)).toBe('{"a":2}');
    expect(Object.keys(value as object)).toEqual(["body", "__proto__"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  test.each(["9".repeat(1_000_000), `1${"0".repeat(1_000_000)}1`, `1e${"9".repeat(1_000_000)}`])(
    "a number as long as a request is read before the test gives up",
    (text) => {
      expect(JSON.stringify(exact(text))).toBe(text);
    },
  );
});

test.each([
  ["1", "1.0", true],
  ["100", "1e2", true],
  ["0.001", "1E-3", true],
  ["0", "-0.000e5", true],
  ["7615917337495251231", "7615917337495251231.0", true],
  ["7615917337495251231", "7615917337495251230", false],
  ["1e400", "10e399", true],
  ["1e400", "-1e400", false],
  ["1e400", "1e401", false],
])("%s and %s are the same number: %s", (one, other, same) => {
  expect(isSameNumber(exact(one), exact(other))).toBe(same);
});

test("a body is the text that it came as, without the space between its tokens", () => {
  const body = '{ "b" : [1.0, 7615917337495251231, 1E400, {"2":"\\u00e9 \\" ,:"}],\n "1": null, "b": {} }';
  const json = parseExactly(`{"name": "a", "body": ${body}, "metadata": {"body": {"x": 1}}}`);
  withBodyText(json.value, json);
  expect(json.value).toEqual({
    name: "a",
    body: '{"b":[1.0,7615917337495251231,1E400,{"2":"\\u00e9 \\" ,:"}],"1":null,"b":{}}',
    metadata: { body: { x: 1 } },
  });
});
