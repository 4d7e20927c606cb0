import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testBench } from "../testing/bench.ts";
import { deliver } from "../testing/deliver.ts";
import { everythingStored } from "../testing/everything-stored.ts";
import { drain, startTarget, type Target, testClock } from "../testing/index.ts";
import { writings } from "../testing/writings.ts";

// A target that echoes what it was sent, in every way and at every place of an answer; nothing of that may be left.

const clock = testClock("2026-03-01T12:00:00Z");
const { setup, target, run } = testBench({ clock });
let ear: Target;
beforeAll(async () => {
  ear = await startTarget();
});
afterAll(() => ear.close());

const awkward = ["/+=&?#% \"'<>\\", "é-ß-你", "\t;,:@", "%41\\u0042&amp;"];
const count = 200;
/** As different as they can be, and each with something that escapes differ in. */
const values = Array.from({ length: count }, (_, index) => {
  const random = randomBytes(18).toString("base64");
  return index % 4 === 0
    ? random
    : `${random.slice(0, 12)}${awkward[index % awkward.length]}${random.slice(12)}`;
});
const isHeaderValue = (text: string) => /^[\t\x20-\x7e]+$/.test(text) && text === text.trim();
const isToken = (text: string) => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);

type Place = (
  written: string[],
  value: string,
) => { status?: number; headers?: [string, string][]; body?: string | Buffer };

const places: Place[] = [
  (written) => ({ body: written.join("\n") }),
  (written) => ({ body: JSON.stringify({ written }) }),
  (written) => ({ status: 500, body: `<p>${written.join("</p><p>")}</p>` }),
  (written) => ({ body: gzipSync(written.join("\n")), headers: [["content-encoding", "gzip"]] }),
  (written) => ({ body: Buffer.concat([Buffer.from([0, 1, 255, 0]), Buffer.from(written.join("\0"))]) }),
  (written) => ({ headers: written.filter(isHeaderValue).map((text, index) => [`x-echo-${index}`, text]) }),
  (written) => ({
    headers: written
      .filter((text) => isHeaderValue(text) && !text.includes(";"))
      .map((text) => ["set-cookie", `sid=${text}`]),
  }),
  (written) => ({ headers: written.filter(isToken).map((text) => [`x-${text}`, "named"]) }),
  (written) => ({ status: 302, headers: [["location", `ftp://${encodeURIComponent(written[0]!)}/`]] }),
  (written) => ({
    status: 302,
    headers: [["location", `http://127.0.0.1:9/${written[6]!}?b=${written[1]!}`]],
  }),
  (written) => ({ body: "x".repeat(64 * 1024 - 7) + written.at(-1)! }),
];

test(
  "no byte of a value is left, however and wherever a target echoes it",
  { timeout: 120_000 },
  async () => {
    const channel = await run("create_channel", { name: "ear", type: "webhook", url: `${ear.url}/told` });
    await run("add_rule", { channel_id: channel.id, event: "on_completion" });
    const jobs = values.map((_, index) => ({
      name: `job ${index}`,
      url: `${target.url}/${index}`,
      body: { key: `secret://value-${index}` },
      follow_redirects: index % 2 === 0,
      retry: { max_attempts: 1 },
      callback_url: `${ear.url}/callback`,
      assertions: index % 3 === 0 ? [{ type: "body_contains" as const, value: "not there" }] : [],
    }));
    for (const [index, value] of values.entries())
      await run("create_secret", { name: `value-${index}`, value });
    const sent = new Set<string>();
    target.answer(({ path, body }, response) => {
      const index = Number(path.slice(1));
      const { key } = JSON.parse(body) as { key: string };
      sent.add(key);
      const written = Object.values(writings).map((write) => write(key));
      const { status = 200, headers = [], body: echo = "" } = places[index % places.length]!(written, key);
      response.writeHead(status, headers.flat());
      response.end(echo);
    });
    await run("create_jobs", { jobs });
    await drain(setup.scheduler, clock);
    expect([...sent].sort()).toEqual(values.toSorted());
    while ((await deliver(setup.scheduler, clock)).length > 0);
    await deliver(setup.scheduler, clock, clock.now().getTime() + 120_000);

    const stored = await everythingStored(setup.scheduler);
    const told = ear.arrivals.map(({ body }) => body).join("\n");
    expect(ear.arrivals.length).toBeGreaterThan(count);
    const answers: string[] = [];
    for (let cursor: string | undefined, more = true; more;) {
      const page = await run("list_executions", { limit: 100, ...(cursor !== undefined && { cursor }) });
      for (const { id } of page.data)
        answers.push(JSON.stringify(await run("get_execution", { execution_id: id })));
      more = page.has_more;
      cursor = page.next_cursor ?? undefined;
    }
    expect(answers).toHaveLength(count);
    const everything = [stored, told, ...answers].join("\n").toLowerCase();
    const left = values.flatMap((value) => {
      // Half of a value is too much: each is found by parts of its random characters.
      const parts = [
        value.slice(0, 9),
        value.slice(-9),
        ...Object.values(writings).map((write) => write(value)),
      ];
      return parts
        .filter((part) => everything.includes(part.toLowerCase()))
        .map((part) => `${value}: ${part}`);
    });
    expect(left).toEqual([]);
    expect(everything.split("[secret:value-").length).toBeGreaterThan(count * 5);
  },
);
