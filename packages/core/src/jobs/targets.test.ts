import { describe, expect, test } from "vitest";
import { parseRange } from "../sending/address-guard.ts";
import { assertTargets } from "./targets.ts";

const open = (...ranges: string[]) => ranges.map(parseRange);

const closed: Record<string, string[]> = {
  loopback: [
    "127.0.0.1",
    "127.1",
    "127.255.255.254",
    "0x7f000001",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1.",
    "①②⑦.0.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "my.app.localhost",
    "my.app.localhost.",
  ],
  "this host": ["0", "0.0.0.0", "[::]"],
  private: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "[fc00::1]", "[fd12:3456::1]"],
  "link-local": ["169.254.0.1", "[fe80::1]"],
  "shared, multicast or reserved": ["100.64.0.1", "224.0.0.1", "255.255.255.255", "4294967295", "[ff02::1]"],
};
const metadata = [
  "169.254.169.254",
  "2852039166",
  "0xa9fea9fe",
  "[::ffff:169.254.169.254]",
  "[64:ff9b::169.254.169.254]",
  "[fd00:ec2::254]",
  "metadata.google.internal",
  "Metadata.Google.Internal.",
];

describe.each(["http", "https"])("%s", (scheme) => {
  test.each(Object.entries(closed).flatMap(([kind, hosts]) => hosts.map((host) => [kind, host] as const)))(
    "refuses %s: %s",
    (_, host) => {
      for (const field of ["url", "callback_url"]) {
        expect(() => assertTargets({ [field]: `${scheme}://${host}:8080/x` }, [])).toThrow(
          expect.objectContaining({
            code: "invalid_input",
            field,
            message: expect.stringContaining("private, local or reserved"),
            hint: expect.stringContaining("SCHEDULER_ALLOWED_TARGETS"),
          }),
        );
      }
    },
  );

  test.each(metadata)("refuses a cloud's metadata whatever is allowed: %s", (host) => {
    expect(() => assertTargets({ url: `${scheme}://${host}/` }, open("0.0.0.0/0", "::/0"))).toThrow(
      expect.objectContaining({
        code: "invalid_input",
        field: "url",
        hint: expect.stringContaining("SCHEDULER_ALLOWED_TARGETS cannot allow it"),
      }),
    );
  });
});

test.each([
  "1.1.1.1",
  "[2606:4700:4700::1111]",
  "[64:ff9b::1.1.1.1]",
  "api.example.com",
  "localhost.example.com",
  "notlocalhost",
  "127.0.0.1.nip.io",
  "metadata.google.internal.example.com",
  "intranet",
])("leaves %s to the lookup, if it needs one", (host) => {
  expect(() => assertTargets({ url: `http://${host}/`, callback_url: `http://${host}/` }, [])).not.toThrow();
});

test.each([
  ["127.0.0.0/8", "127.0.0.1", true],
  ["127.0.0.0/8", "[::ffff:127.0.0.1]", true],
  ["127.0.0.0/8", "localhost", true],
  ["127.0.0.0/8", "a.localhost", true],
  ["127.0.0.0/8", "[::1]", false],
  ["::1", "[::1]", true],
  ["::1", "localhost", true],
  ["10.0.0.0/8", "10.9.9.9", true],
  ["10.0.0.0/8", "[64:ff9b::10.0.0.1]", true],
  ["10.0.0.0/8", "192.168.1.1", false],
  ["10.0.0.0/8", "localhost", false],
])("with %s allowed: %s is %s", (range, host, answer) => {
  const check = () => assertTargets({ url: `http://${host}/` }, open(range));
  if (answer) expect(check).not.toThrow();
  else expect(check).toThrow(expect.objectContaining({ code: "invalid_input" }));
});

test("takes a callback that is taken away, and nothing said", () => {
  expect(() => assertTargets({ callback_url: null }, [])).not.toThrow();
  expect(() => assertTargets({}, [])).not.toThrow();
});
