import type { LookupAddress } from "node:dns";
import { describe, expect, test } from "vitest";
import {
  assertAllowedHost,
  BlockedAddressError,
  guardedLookup,
  isAllowed,
  parseRange,
} from "./address-guard.ts";
import { createResolver, LookupError, type Resolver } from "./resolver.ts";

/** The host of a URL as it reaches the guard. */
function hostOf(url: string): string {
  return new URL(url).hostname;
}

const forbidden: Record<string, string[]> = {
  "this host": ["0.0.0.0", "0.1.2.3", "::"],
  loopback: ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"],
  private: [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::ffff:10.1.2.3",
    "fc00::1",
    "fd12:3456::1",
  ],
  "link-local": ["169.254.0.1", "fe80::1", "fec0::1"],
  "carrier-grade NAT": ["100.64.0.1", "100.127.255.255"],
  broadcast: ["255.255.255.255"],
  multicast: ["224.0.0.1", "239.255.255.250", "ff02::1"],
  "reserved and documentation": [
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "240.0.0.1",
    "100::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
  ],
  "IPv4 inside of IPv6": [
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::10.0.0.1",
    "2002:a00:1::",
    "2002:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "::10.0.0.1",
    "::7f00:1",
    "::ffff:0:10.0.0.1",
  ],
  "no address at all": ["", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "::g"],
};

describe("isAllowed", () => {
  test.each(
    Object.entries(forbidden).flatMap(([kind, list]) => list.map((address) => [kind, address] as const)),
  )("refuses %s: %s", (_, address) => {
    expect(isAllowed(address, [])).toBe(false);
  });

  test.each([
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.169.0.0",
    "223.255.255.255",
    "::ffff:1.1.1.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
  ])("lets %s through", (address) => {
    expect(isAllowed(address, [])).toBe(true);
  });

  test("lets a network without IPv4 reach public addresses through its NAT64", () => {
    expect(isAllowed("64:ff9b::1.1.1.1", [])).toBe(true);
    expect(isAllowed("64:ff9b::10.0.0.1", [parseRange("10.0.0.0/8")])).toBe(true);
  });

  test.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", true],
    ["10.0.0.0/8", "172.16.0.1", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["10.1.2.3/8", "10.9.9.9", true],
    ["127.0.0.0/8", "::ffff:127.0.0.1", true],
    ["127.0.0.0/8", "::1", false],
    ["127.0.0.0/8", "0.0.0.0", false],
    ["::1/128", "::1", true],
    ["::1/128", "127.0.0.1", false],
    ["::/0", "127.0.0.1", false],
    ["::/0", "fd00::1", true],
    ["0.0.0.0/0", "fd00::1", false],
    ["::ffff:10.0.0.0/104", "10.200.0.1", true],
    ["::ffff:10.0.0.1", "10.0.0.1", true],
    ["::ffff:10.0.0.1", "10.0.0.2", false],
  ])("with %s open: %s is %s", (range, address, answer) => {
    expect(isAllowed(address, [parseRange(range)])).toBe(answer);
  });

  const everything = ["0.0.0.0/0", "::/0"].map(parseRange);
  test.each([
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd00:ec2:0:0::254",
    "fd20:ce::254",
    "fe80::a9fe:a9fe",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::169.254.169.254",
    "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",
  ])("never opens a cloud's metadata: %s", (address) => {
    expect(isAllowed(address, everything)).toBe(false);
  });

  test("takes no public address for metadata because its bytes are those of another, inverted", () => {
    expect(isAllowed("86.1.86.1", [])).toBe(true);
  });
});

describe("parseRange", () => {
  test.each(["10/8", "10.0.0/8", "127.1", "0x7f.0.0.1", "010.0.0.1", "2130706433", "10.0.0.0/33", "::1/129"])(
    "refuses %s",
    (text) => {
      expect(() => parseRange(text)).toThrow(Error);
    },
  );

  test.each(["", "/8", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/255.0.0.0", "localhost", "*"])(
    "refuses %j",
    (text) => {
      expect(() => parseRange(text)).toThrow(Error);
    },
  );
});

describe("assertAllowedHost", () => {
  test.each([
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://255.255.255.255/",
    "http://4294967295/",
    "http://224.0.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
  ])("refuses %s", (url) => {
    expect(() => assertAllowedHost(hostOf(url), [])).toThrow(BlockedAddressError);
  });

  test("leaves names to the lookup, and public addresses alone", () => {
    for (const host of [
      "localhost",
      "example.com",
      "1.1.1.1",
      "[2606:4700::1]",
      "2606:4700::1",
      "127.0.0.1.nip.io",
    ])
      expect(() => assertAllowedHost(host, [])).not.toThrow();
  });

  test("tells what a setting can open, and what none can", () => {
    expect(() => assertAllowedHost("10.0.0.1", [])).toThrow("SCHEDULER_ALLOWED_TARGETS can allow it");
    expect(() => assertAllowedHost("169.254.169.254", [])).toThrow(/metadata address: never allowed/);
  });
});

describe("guardedLookup", () => {
  /** Says what a hostile name server would: one list after the other. */
  let answers: string[][] = [];
  let asked = 0;
  function resolveTo(...lists: string[][]): void {
    answers = lists;
    asked = 0;
  }
  const resolve = (): Promise<LookupAddress[]> => {
    const addresses = answers[Math.min(asked++, answers.length - 1)]!;
    return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })));
  };

  function lookUp(
    host: string,
    options: { all: boolean; allowed?: string[] },
    resolver: Pick<Resolver, "resolve"> = { resolve },
  ): Promise<unknown> {
    return new Promise((resolved, reject) => {
      const lookup = guardedLookup((options.allowed ?? []).map(parseRange), resolver);
      lookup(host, { all: options.all }, (error, address) => (error ? reject(error) : resolved(address)));
    });
  }

  test("refuses a name that leads to a private address, without telling which", async () => {
    resolveTo(["127.0.0.1", "::1"]);
    await expect(lookUp("localhost", { all: true })).rejects.toThrow(BlockedAddressError);
    await expect(lookUp("localhost", { all: false })).rejects.toThrow(/^localhost leads to a private/);
    expect(await lookUp("localhost", { all: false, allowed: ["127.0.0.0/8"] })).toBe("127.0.0.1");
  });

  test("leaves only what is allowed of several addresses", async () => {
    resolveTo(["10.0.0.1", "1.1.1.1", "::1", "169.254.169.254", "2606:4700::1"]);
    expect(await lookUp("mixed.test", { all: true })).toEqual([
      { address: "1.1.1.1", family: 4 },
      { address: "2606:4700::1", family: 6 },
    ]);
    expect(await lookUp("mixed.test", { all: false })).toBe("1.1.1.1");
  });

  test("judges each answer anew: a name that was public once gains nothing", async () => {
    resolveTo(["1.1.1.1"], ["127.0.0.1"]);
    expect(await lookUp("rebinding.test", { all: false })).toBe("1.1.1.1");
    await expect(lookUp("rebinding.test", { all: false })).rejects.toThrow(BlockedAddressError);
  });

  test("refuses a name without addresses, and passes on what the resolver says", async () => {
    resolveTo([]);
    await expect(lookUp("empty.test", { all: true })).rejects.toThrow(BlockedAddressError);
    await expect(lookUp("no-such-host.invalid", { all: true }, createResolver())).rejects.toThrow(
      LookupError,
    );
  });
});
