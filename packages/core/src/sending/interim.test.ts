import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Pieces, startRawTarget } from "../testing/raw-target.ts";
import { parseRange } from "./address-guard.ts";
import { createSender, type Sender } from "./sender.ts";

let sender: Sender;
beforeAll(() => {
  sender = createSender([parseRange("127.0.0.1")]);
});
afterAll(() => sender.close());

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>\r\n\r\n";

const send = (url: string, { method = "POST", timeoutMs = 5000 } = {}) =>
  sender.send({ method, url, headers: {}, body: method === "POST" ? "{}" : null, timeoutMs }).answer;

describe("what comes before the final answer is skipped", () => {
  test.each<[string, Pieces]>([
    ["a 100 that nobody asked for", [goOn, ok]],
    ["a 100 in one packet with the answer", [goOn + ok]],
    ["a 103", [hints, ok]],
    ["many of them", [goOn + hints.repeat(50) + goOn, hints, ok]],
    ["byte by byte", Array.from(goOn + hints + ok)],
    ["cut in its last line", [goOn.slice(0, -2), goOn.slice(-2) + hints.slice(0, 5), hints.slice(5) + ok]],
    ["without a reason", ["HTTP/1.1 100\r\n\r\n", ok]],
    ["of HTTP/1.0", ["HTTP/1.0 102 Processing\r\n\r\n", ok]],
    ["of a number of its own", ["HTTP/1.1 199 Soon\r\n\r\n", ok]],
  ])("%s", async (_, pieces) => {
    await using target = await startRawTarget(() => pieces);
    expect(await send(target.url)).toMatchObject({ status: "succeeded", statusCode: 200, body: "ok" });
    expect(target.requests()).toBe(1);
  });

  test("for each request of a connection that is kept", async () => {
    await using target = await startRawTarget((count) => [count % 2 ? goOn : hints, ok]);
    for (let count = 0; count < 4; count++) expect(await send(target.url)).toMatchObject({ body: "ok" });
    expect(target.requests()).toBe(4);
    expect(target.connections()).toBeLessThan(4);
  });

  test("also where the answer has no body", async () => {
    await using target = await startRawTarget(() => [goOn, "HTTP/1.1 204 No Content\r\n\r\n"]);
    expect(await send(target.url)).toMatchObject({ statusCode: 204, body: "" });
    expect(await send(target.url, { method: "HEAD" })).toMatchObject({ statusCode: 204 });
  });

  test("but nothing of a body that looks like it", async () => {
    const body = goOn + hints;
    await using target = await startRawTarget(() => [
      `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`,
      body,
    ]);
    expect(await send(target.url)).toMatchObject({ body });
  });
});

describe("what never becomes a final answer is an error", () => {
  test.each<[string, Pieces, string]>([
    ["a connection that ends", [goOn, null], "reset"],
    ["a connection that ends in the middle", [goOn.slice(0, 8), null], "reset"],
    [
      "an upgrade that nobody asked for",
      ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\n\r\n"],
      "connection",
    ],
    [
      "a head without an end",
      ["HTTP/1.1 103 Early Hints\r\n", `X-A: ${"a".repeat(40_000)}\r\n`],
      "connection",
    ],
  ])("%s", async (_, pieces, errorCode) => {
    await using target = await startRawTarget(() => pieces);
    expect(await send(target.url)).toMatchObject({ status: "connection_error", errorCode });
  });

  test("and so are interim answers without end, when the time is up", async () => {
    await using target = await startRawTarget(() => Array.from({ length: 100_000 }, () => hints));
    expect(await send(target.url, { timeoutMs: 300 })).toMatchObject({ status: "timeout", statusCode: null });
  });
});
