import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type NameServer, startNameServer } from "../testing/name-server.ts";
import { createNameFiles } from "./name-files.ts";
import { createResolver, LookupError, type Resolver } from "./resolver.ts";

let server: NameServer;
let directory: string;
let resolver: Resolver;
const files = () => ({ hosts: join(directory, "hosts"), resolv: join(directory, "resolv.conf") });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "names-"));
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(async () => {
  server = await startNameServer({ ttlSeconds: 60 });
  await writeFile(files().hosts, "127.0.0.9 here here.example # a comment\n::9 here\nnonsense here\n");
  await writeFile(files().resolv, "search one.example two.example\noptions rotate ndots:2\n");
  resolver = createResolver({ servers: [server.address], files: files() });
});
afterEach(async () => {
  resolver.close();
  await server.close();
});

const addresses = async (name: string): Promise<string[]> =>
  (await resolver.resolve(name)).map(({ address }) => address);

test("the hosts file goes first, IPv4 before IPv6, and localhost never leaves the machine", async () => {
  expect(await resolver.resolve("here")).toEqual([
    { address: "127.0.0.9", family: 4 },
    { address: "::9", family: 6 },
  ]);
  expect(await addresses("here.example")).toEqual(["127.0.0.9"]);
  expect(await addresses("localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(await addresses("any.localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(server.asked).toEqual([]);
});

test("a name that cannot be is not asked for", async () => {
  await expect(resolver.resolve("no-such-host.invalid")).rejects.toThrow("there is no such name");
  expect(server.asked).toEqual([]);
});

test("files that change are read again", async () => {
  const names = createNameFiles(files());
  expect(names.candidates("short")).toEqual(["short.one.example", "short.two.example", "short"]);
  const before = names.version();
  await writeFile(files().resolv, "domain other.example.\n");
  await utimes(files().resolv, 1, 1);
  await expect
    .poll(() => names.candidates("short"), { timeout: 5000 })
    .toEqual(["short.other.example", "short"]);
  expect(names.version()).toBe(before + 1);
});

test("a name is looked for in the domains of the search list, in the order that its dots ask for", async () => {
  server.say("short.two.example", ["10.0.0.2"]);
  expect(await addresses("short")).toEqual(["10.0.0.2"]);
  expect(server.asked).toEqual(["short.one.example", "short.two.example"]);
  server.asked.length = 0;
  server.say("a.b.example", ["10.0.0.3"]);
  expect(await addresses("a.b.example")).toEqual(["10.0.0.3"]);
  expect(server.asked).toEqual(["a.b.example"]);
  server.asked.length = 0;
  await expect(resolver.resolve("short.")).rejects.toThrow("there is no such name");
  expect(server.asked).toEqual(["short"]);
});

describe("many who ask for a name", () => {
  test("ask once, and again only when what was said is old", async () => {
    const { promise, resolve } = Promise.withResolvers<string[]>();
    server.say("busy.example.org", promise);
    const all = Array.from({ length: 300 }, () => addresses("busy.example.org"));
    expect(resolver.isAwaited("busy.example.org")).toBe(true);
    resolve(["10.0.0.1"]);
    expect(new Set((await Promise.all(all)).flat())).toEqual(new Set(["10.0.0.1"]));
    expect(await addresses("busy.example.org")).toEqual(["10.0.0.1"]);
    expect(server.asked).toEqual(["busy.example.org"]);
    expect(resolver.isAwaited("busy.example.org")).toBe(false);
  });

  test("are told for a moment of the failure that one of them met", async () => {
    const ask = () => resolver.resolve("a.gone.example").catch((error: Error) => error.message);
    const first = await ask();
    expect(first).toBe("a.gone.example could not be resolved: there is no such name.");
    const asked = server.asked.length;
    expect(await ask()).toBe(first);
    expect(server.asked).toHaveLength(asked);
    server.say("a.gone.example", ["10.0.0.4"]);
    await expect.poll(ask, { timeout: 4000 }).toEqual([{ address: "10.0.0.4", family: 4 }]);
  });
});

test(
  "a name whose servers are silent fails in time, and no other name waits for it",
  { timeout: 10_000 },
  async () => {
    const dead = Array.from({ length: 50 }, (_, index) => `dead${index}.silent.example`);
    for (const name of dead) server.say(name, "silence");
    server.say("good.healthy.example", ["10.0.0.5"]);
    const begun = performance.now();
    const failures = dead.map((name) => resolver.resolve(name).catch((error: unknown) => error));
    expect(await addresses("good.healthy.example")).toEqual(["10.0.0.5"]);
    expect(performance.now() - begun).toBeLessThan(1000);
    for (const failure of await Promise.all(failures)) {
      expect(failure).toBeInstanceOf(LookupError);
      expect((failure as Error).message).toMatch(/could not be resolved: its name servers do not answer\.$/);
    }
    expect(performance.now() - begun).toBeLessThan(7000);
  },
);

test("a name server that fails is told apart from a name that is not there", async () => {
  server.say("a.broken.example", "failure");
  await expect(resolver.resolve("a.broken.example")).rejects.toThrow("its name servers failed");
});

test.each(["a".repeat(300), `${"a.".repeat(200)}example`, "-", "a..b", " "])(
  "what is no name is refused: %j",
  async (name) => {
    await expect(resolver.resolve(name)).rejects.toThrow(LookupError);
  },
);
